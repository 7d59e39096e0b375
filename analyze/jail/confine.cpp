#include "analyze/jail/jail.h"

namespace kanshiki {

// landlock.cpp, seccomp.cpp: empty when the kernel does not have it.
std::string confine_files(const std::filesystem::path& writable, bool folders, bool may_read);
std::string confine_calls(bool network);

std::vector<std::string> confine(const JailRules& rules) {
    std::vector<std::string> held;
    for (std::string each : {confine_files(rules.writable, rules.folders, rules.network), confine_calls(rules.network)})
        if (!each.empty()) held.push_back(std::move(each));
    return held;
}

} // namespace kanshiki
