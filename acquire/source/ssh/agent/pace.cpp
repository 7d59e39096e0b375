#include "acquire/source/ssh/agent/pace.h"

#include <algorithm>
#include <iterator>

namespace kanshiki::ssh {

namespace {

// What pays, on real files, one core of the machine this was measured on: -1 563 MB/s, 1 433, 3 283 …
constexpr int ladder[] = {-1, 1, 3, 6, 9};
constexpr size_t first_step = 1;

// A reader is needed for each of these: a disk that takes 30 ms for a read gets 60 reads at a time.
constexpr double read_us_per_lane = 500, trip_s_per_lane = 0.001;
constexpr unsigned least_depth = 8;

constexpr uint64_t judged_bytes = 32 * 1024 * 1024;
constexpr double judged_seconds = 0.25;

} // namespace

Pace::Pace(std::optional<int> level, unsigned most)
    : fixed_(level.has_value()), most_(most), level_(level.value_or(ladder[first_step])),
      depth_(std::min(most, 2 * least_depth)), step_(first_step) {}

void Pace::trip(double seconds) {
    const std::lock_guard lock(mutex_);
    trip_ = trip_ == 0 ? seconds : std::min(trip_, seconds);
}

void Pace::far_cores(unsigned cores) {
    const std::lock_guard lock(mutex_);
    cores_ = std::clamp(cores, 1u, 64u);
}

void Pace::note(const agent::ReplyHeader& reply) { note(reply, Clock::now()); }

void Pace::note(const agent::ReplyHeader& reply, Clock::time_point now) {
    const std::lock_guard lock(mutex_);
    read_ = read_ == 0 ? reply.read_us : 0.9 * read_ + 0.1 * reply.read_us;
    const double lanes = least_depth + 2 * cores_ + read_ / read_us_per_lane + trip_ / trip_s_per_lane;
    depth_ = std::min(most_, static_cast<unsigned>(std::min(lanes, 1e6)));
    if (fixed_) return;
    if (since_ == Clock::time_point{}) since_ = now;
    content_ += reply.type == agent::ReplyType::zero ? 0 : reply.got;
    waited_ += reply.waited_us;
    worked_ += reply.worked_us;
    stalled_ += reply.stalled_us;
    const double seconds = std::chrono::duration<double>(now - since_).count();
    if (content_ < judged_bytes || seconds < judged_seconds) return;
    judge(seconds);
    since_ = now;
    content_ = waited_ = worked_ = stalled_ = 0;
}

// Under the mutex. Replies that queue for a core say that the far processor is the narrow place; a writer that stands
// still, while the cores have time, says that the wire or our own end is. Two judgements in a row move one step.
void Pace::judge(double seconds) {
    int wish = 0;
    if (waited_ > worked_ / 2)
        wish = -1;
    else if (static_cast<double>(stalled_) > 0.5e6 * seconds && waited_ < worked_ / 8)
        wish = 1;
    if (wish != 0 && wish == trend_) {
        if (wish < 0 && step_ > 0) --step_;
        if (wish > 0 && step_ + 1 < std::size(ladder)) ++step_;
        level_ = ladder[step_];
        wish = 0; // the new level is looked at first
    }
    trend_ = wish;
}

} // namespace kanshiki::ssh
