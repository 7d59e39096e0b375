#include "acquire/source/rate_limit.h"

#include "kanshiki/error.h"

#include <algorithm>
#include <condition_variable>

namespace kanshiki {

RateLimit::Clock::time_point RateLimit::book(uint64_t bytes) {
    const auto needs = std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(static_cast<double>(bytes) / static_cast<double>(rate_)));
    const std::lock_guard lock(mutex_);
    const Clock::time_point begin = std::max(free_at_, Clock::now());
    free_at_ = begin + needs;
    return begin;
}

void RateLimit::read(Read& read, std::stop_token stop) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_until(lock, stop, book(read.into.size()), [] { return false; });
    if (stop.stop_requested()) throw Error(ExitCode::interrupted, "interrupted");
    below_->read(read, stop);
}

} // namespace kanshiki
