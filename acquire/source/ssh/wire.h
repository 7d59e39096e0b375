#pragma once
// The byte stream under an SSH session: a TCP connection, or the standard input and output of a ProxyCommand.

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <sys/types.h>

namespace kanshiki::ssh {

class Wire {
public:
    // Throws Error{source_lost}: name not found, refused, no answer within the limit.
    static std::unique_ptr<Wire> tcp(const std::string& host, unsigned port, std::chrono::milliseconds limit,
                                     std::stop_token stop);

    // Runs `sh -c "exec command"`. may_ask false takes its terminal away, so that nothing in it can prompt.
    static std::unique_ptr<Wire> proxy(const std::string& command, bool may_ask);

    ~Wire(); // closes, and ends the proxy
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    int fd() const { return fd_; }
    std::string complaint(); // the last line the proxy wrote to its standard error; empty for TCP

private:
    Wire() = default;
    int fd_ = -1;
    int errors_ = -1; // read end of the proxy's standard error
    pid_t proxy_ = -1;
    std::string said_;
};

} // namespace kanshiki::ssh
