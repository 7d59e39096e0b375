#pragma once
// Brings the agent to the far side and starts it: into a memory file system, unlinked before it runs.

#include "acquire/block/agent_protocol.h"
#include "acquire/source/ssh/command.h"

namespace kanshiki::ssh {

// What an agent is started for, and where it may lie.
struct AgentPlan {
    std::string path;                 // of the source: the only one it takes
    std::string machine;              // of the far side: "x86_64" …
    std::vector<std::string> folders; // memory file systems there that may execute, best first
    bool sudo = false;
    unsigned retries = 1; // of an unreadable sector
    int nice = 0;
};

struct Agent {
    std::unique_ptr<Command> command; // null: it could not be started, and why
    agent::Hello hello;
    double trip = 0; // seconds of a round trip, as measured
    std::string why;
};

// Throws only what the connection's loss or a stop request throws.
Agent start_agent(Session& session, const AgentPlan& plan, std::stop_token stop);

// For tests: the line that is run there.
std::string agent_command(const AgentPlan& plan, const std::string& folder, const std::string& name, size_t blocks,
                          std::chrono::seconds timeout);

} // namespace kanshiki::ssh
