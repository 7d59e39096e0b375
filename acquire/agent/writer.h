#pragma once
// The agent's standard output: whole replies, one after the other, from any thread.

#include "acquire/block/agent_protocol.h"

#include <mutex>

namespace kanshiki::agent {

class Writer {
public:
    explicit Writer(int out) : out_(out) {}

    // False: the other end is gone. Sets stalled_us of the header: how long writing stood still since the last reply.
    bool write(ReplyHeader header, std::span<const std::byte> lists, std::span<const std::byte> body);
    bool write(std::span<const std::byte> bytes);

private:
    bool write_all(std::array<std::span<const std::byte>, 3> parts);

    const int out_;
    std::mutex mutex_;
    uint64_t stalled_us_ = 0;
};

} // namespace kanshiki::agent
