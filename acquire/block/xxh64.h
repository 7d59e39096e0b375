#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace kanshiki {

// XXH64 with seed 0, as zstd's frames have it. Not a cryptographic digest: it finds damage, not forgery.
uint64_t xxh64(std::span<const std::byte> bytes);

} // namespace kanshiki
