#pragma once
// A mount outlives the command that made it; who made it waits until it can be used.

#include "acquire/block/file_descriptor.h"

#include <optional>
#include <string>

namespace kanshiki {

class Readiness {
public:
    // Goes on in a process of its own session: nothing there; in the parent, the exit status: 0 once tell() was called,
    // else that of the process when it ended without.
    std::optional<int> wait_in_parent();
    void tell() const; // lets go of the standard streams, too
    // Nobody is there to read them, and who reads a pipe to its end is not to wait for us. Nothing in the foreground.
    void leave_streams() const;

private:
    FileDescriptor told_, nothing_; // the writing end; /dev/null. None in the foreground
};

// By who is outside of the jail, whatever ended the file system. Silent when nothing is mounted there any more.
void unmount(const std::string& folder);

} // namespace kanshiki
