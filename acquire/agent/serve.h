#pragma once
// The agent: answers ranged read requests about one device or file (docs/formats/agent-protocol.md).

#include "acquire/block/opened_file.h"

#include <memory>
#include <string>

namespace kanshiki::agent {

struct ServeOptions {
    std::chrono::milliseconds timeout{60'000}; // without a valid request while nothing is under way
    unsigned cores = 1;                        // that may test, digest and compress at a time
};

// Opens it read-only. Throws Error{refused}.
std::shared_ptr<const OpenedFile> open_volume(const std::string& path, unsigned retries,
                                              std::chrono::milliseconds patience);

// Says hello on `out` and answers what comes on `in`, until it closes (0), nothing valid comes for the timeout (3), or
// what comes is no request (2). Reads that hang do not keep it: it returns, and the threads that hang keep what they
// use. why: a line for standard error, empty at 0.
int serve(int in, int out, std::shared_ptr<const OpenedFile> file, const ServeOptions& options, std::string& why);

} // namespace kanshiki::agent
