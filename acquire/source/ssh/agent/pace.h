#pragma once
// How many reads are kept in flight, and how hard the agent compresses: both follow what the replies tell.

#include "acquire/block/agent_protocol.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>

namespace kanshiki::ssh {

class Pace {
public:
    // level: fixed; nothing: it follows the bottleneck. most: reads in flight at most.
    Pace(std::optional<int> level, unsigned most);

    void trip(double seconds); // what a round trip takes
    void far_cores(unsigned cores);
    void note(const agent::ReplyHeader& reply); // any thread

    int level() const { return level_; }
    unsigned depth() const { return depth_; } // of all connections together

    // For tests: the clock.
    using Clock = std::chrono::steady_clock;
    void note(const agent::ReplyHeader& reply, Clock::time_point now);

private:
    void judge(double seconds);

    const bool fixed_;
    const unsigned most_;
    std::atomic<int> level_;
    std::atomic<unsigned> depth_;

    std::mutex mutex_;
    size_t step_;        // of the levels
    double trip_ = 0;    // seconds
    double read_ = 0;    // microseconds, smoothed
    unsigned cores_ = 1; // of the far side
    // Since the last judgement:
    Clock::time_point since_{};
    uint64_t content_ = 0, waited_ = 0, worked_ = 0, stalled_ = 0; // bytes, microseconds
    int trend_ = 0;                                                // the last judgement's wish: less, as it is, more
};

} // namespace kanshiki::ssh
