#include "acquire/agent/writer.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <sys/uio.h>

namespace kanshiki::agent {

// In one call where the other end takes it: each call wakes the server, and costs a packet of its own.
bool Writer::write_all(std::array<std::span<const std::byte>, 3> parts) {
    for (;;) {
        iovec pieces[3];
        int count = 0;
        for (const std::span<const std::byte>& part : parts)
            if (!part.empty()) pieces[count++] = {const_cast<std::byte*>(part.data()), part.size()};
        if (count == 0) return true;
        const ssize_t wrote = ::writev(out_, pieces, count);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return false;
        size_t left = static_cast<size_t>(wrote);
        for (std::span<const std::byte>& part : parts) {
            const size_t taken = std::min(left, part.size());
            part = part.subspan(taken);
            left -= taken;
        }
    }
}

bool Writer::write(std::span<const std::byte> bytes) {
    const std::lock_guard lock(mutex_);
    return write_all({bytes});
}

bool Writer::write(ReplyHeader header, std::span<const std::byte> lists, std::span<const std::byte> body) {
    using Clock = std::chrono::steady_clock;
    const std::lock_guard lock(mutex_);
    header.stalled_us = static_cast<uint32_t>(std::min<uint64_t>(stalled_us_, UINT32_MAX));
    const auto line = render(header);
    const auto begun = Clock::now();
    const bool done = write_all({line, lists, body});
    stalled_us_ =
        static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun).count());
    return done;
}

} // namespace kanshiki::agent
