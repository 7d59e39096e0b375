#include "acquire/agent/writer.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <unistd.h>

namespace kanshiki::agent {

bool Writer::write_all(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t wrote = ::write(out_, bytes.data(), bytes.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return false;
        bytes = bytes.subspan(static_cast<size_t>(wrote));
    }
    return true;
}

bool Writer::write(std::span<const std::byte> bytes) {
    const std::lock_guard lock(mutex_);
    return write_all(bytes);
}

bool Writer::write(ReplyHeader header, std::span<const std::byte> lists, std::span<const std::byte> body) {
    using Clock = std::chrono::steady_clock;
    const std::lock_guard lock(mutex_);
    header.stalled_us = static_cast<uint32_t>(std::min<uint64_t>(stalled_us_, UINT32_MAX));
    const auto line = render(header);
    const auto begun = Clock::now();
    const bool done = write_all(line) && write_all(lists) && write_all(body);
    stalled_us_ =
        static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun).count());
    return done;
}

} // namespace kanshiki::agent
