#pragma once
// Proving who we are: agent, --identity, the config's keys, and, only at a terminal, a password.

#include "acquire/source/ssh/session.h"

namespace kanshiki::ssh {

// Returns how: "agent", "key /path", "password", "none". Throws Error{refused} with what to do.
std::string log_in(Session& session, std::stop_token stop);

} // namespace kanshiki::ssh
