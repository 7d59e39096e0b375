#pragma once
// What a parser of hostile bytes may do while it parses: read what is already open and write one folder.

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace kanshiki {

struct JailRules {
    std::filesystem::path writable; // an existing folder; empty: none
    bool network = false;           // the source is behind the network: it may have to reconnect
    bool folders = false;           // folders may be made in the writable one
};

// For the whole process, for good; call it with the source open and before other threads that parse are started.
// Returns what holds, one line each; what the kernel does not have is not in the list, and that is no error.
std::vector<std::string> confine(const JailRules& rules);

// Goes on in a child: nothing in the child; in the parent, when the child has ended, its exit status. Throws
// Error{internal} when a crash killed the child: no stack trace, no half-dead program. `what` is for that message.
// in_parent is called there before it waits.
std::optional<int> run_in_child(
    const std::string& what, const std::function<void()>& in_parent = [] {});

} // namespace kanshiki
