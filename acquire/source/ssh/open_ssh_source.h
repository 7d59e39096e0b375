#pragma once
// ssh://[user@]host[:port]/path: a block device or file behind SSH, where the far side needs a POSIX shell and dd.

#include "kanshiki/open_source.h"

namespace kanshiki {

// Connects, checks the host key, logs in, and asks the far side what it has before the first byte moves. Everything
// that trying again does not mend is Error{refused}; a server that is not there, or goes, is Error{source_lost}.
std::unique_ptr<BlockSource> open_ssh_source(const std::string& uri, const OpenOptions& options, Events& events,
                                             std::stop_token stop);

} // namespace kanshiki
