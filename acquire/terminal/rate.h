#pragma once
// Speed over the last few seconds, so that the time left follows what the link does now.

#include <chrono>
#include <cstdint>
#include <deque>

namespace kanshiki {

class Rate {
public:
    using Clock = std::chrono::steady_clock;

    void add(Clock::time_point at, uint64_t done) {
        if (!seen_.empty() && at - seen_.back().at < std::chrono::milliseconds(100)) return;
        seen_.push_back({at, done});
        while (seen_.size() > 2 && at - seen_.front().at > std::chrono::seconds(15)) seen_.pop_front();
    }

    double per_second() const { // 0 while nothing can be said
        if (seen_.size() < 2) return 0;
        const double seconds = std::chrono::duration<double>(seen_.back().at - seen_.front().at).count();
        return seconds > 0 ? static_cast<double>(seen_.back().done - seen_.front().done) / seconds : 0;
    }

private:
    struct Point {
        Clock::time_point at;
        uint64_t done;
    };
    std::deque<Point> seen_;
};

} // namespace kanshiki
