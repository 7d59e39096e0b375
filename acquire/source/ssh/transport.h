#pragma once
// The ways to read a volume behind SSH, once its host is known: an agent beside it, or nothing but dd.

#include "acquire/source/ssh/probe.h"
#include "acquire/source/ssh/session.h"

namespace kanshiki::ssh {

// What is known when a transport is chosen.
struct Opening {
    std::string spec; // as the user named it
    Uri uri;
    const OpenOptions& options;
    Events& events;
    std::unique_ptr<Session> session;
    Probe probe;
    std::string clock_offset;
};

// The one that --transport names; for auto the first in the table that can, and a notice why not an earlier one.
std::unique_ptr<BlockSource> open_transport(Opening opening, std::stop_token stop);

} // namespace kanshiki::ssh
