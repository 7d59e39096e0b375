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
    LeafRecorder(std::span<const std::unique_ptr<Output>> outputs, LoggedEvents& events, bool read_times,
                 std::vector<Bad> known, uint64_t start)
        : outputs_(outputs), events_(events), read_times_(read_times), bad_(std::move(known)), durable_upto_(start) {}

    void leaf(const LeafRun& run) override;
    void durable(uint64_t upto) override;

    const std::vector<Bad>& bad() const { return bad_; }    // after the run
    uint64_t durable_upto() const { return durable_upto_; } // after the run

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
    uint64_t durable_upto_; // its leaves are in the chunk lists
    std::mutex mutex_;
    std::deque<Pending> pending_;
};

} // namespace kanshiki
