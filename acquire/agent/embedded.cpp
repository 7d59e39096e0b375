#include "acquire/agent/embedded.h"

// Where the assembler put the programs (acquire/agent/CMakeLists.txt).
#define KANSHIKI_AGENT(machine)                                                                                        \
    extern "C" const std::byte kanshiki_agent_##machine[];                                                             \
    extern "C" const std::byte kanshiki_agent_##machine##_end[];

#ifdef KANSHIKI_AGENT_x86_64
KANSHIKI_AGENT(x86_64)
#endif
#ifdef KANSHIKI_AGENT_aarch64
KANSHIKI_AGENT(aarch64)
#endif

namespace kanshiki {

std::span<const std::byte> embedded_agent(std::string_view machine) {
#ifdef KANSHIKI_AGENT_x86_64
    if (machine == "x86_64") return {kanshiki_agent_x86_64, kanshiki_agent_x86_64_end};
#endif
#ifdef KANSHIKI_AGENT_aarch64
    if (machine == "aarch64") return {kanshiki_agent_aarch64, kanshiki_agent_aarch64_end};
#endif
    return {};
}

} // namespace kanshiki
