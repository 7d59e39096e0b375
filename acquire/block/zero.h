#pragma once

#include <cstddef>
#include <span>

namespace kanshiki {

bool is_zero(std::span<const std::byte> bytes); // stops at the first block that is not

} // namespace kanshiki
