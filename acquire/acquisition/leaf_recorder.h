#pragma once
// What passes the ordered lane, on its way into the companions: leaves into the chunk lists once their data is durable,
// unreadable ranges into the logs before that, read times of a live source too.

#include "acquire/acquisition/logged_events.h"
#include "acquire/acquisition/output.h"
#include "kanshiki/pipeline.h"

#include <deque>

namespace kanshiki {

class LeafRecorder final : public LeafObserver, public CheckpointObserver {
public:
    // known: the unreadable ranges of the part that was kept.
    LeafRecorder(std::span<const std::unique_ptr<Output>> outputs, LoggedEvents& events, bool read_times, std::vector<Bad> known)
        : outputs_(outputs), events_(events), read_times_(read_times), bad_(std::move(known)) {}

    void leaf(const LeafRun& run) override;
    void durable(uint64_t upto) override;

    const std::vector<Bad>& bad() const { return bad_; } // after the run

private:
    struct Pending {
        uint64_t first, count, end;
        Digest leaf;
        uint64_t read_at_us;
    };
    const std::span<const std::unique_ptr<Output>> outputs_;
    LoggedEvents& events_;
    const bool read_times_;
    std::vector<Bad> bad_;
    std::mutex mutex_;
    std::deque<Pending> pending_;
};

} // namespace kanshiki
