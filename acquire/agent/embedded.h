#pragma once
// The agents that this program carries.

#include <cstddef>
#include <span>
#include <string_view>

namespace kanshiki {

// The static agent for a machine as `uname -m` names it: "x86_64", "aarch64". Empty: not in this build.
std::span<const std::byte> embedded_agent(std::string_view machine);

} // namespace kanshiki
