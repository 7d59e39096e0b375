#include "acquire/acquisition/leaf_recorder.h"

#include <cstring>

namespace kanshiki {

void LeafRecorder::leaf(const LeafRun& run) {
    for (const Bad& bad : run.bad) {
        events_.log("unreadable", {{"offset", bad.range.offset},
                                   {"size", bad.range.size},
                                   {"errno", uint64_t(bad.error)},
                                   {"error", std::string(std::strerror(bad.error))}});
        if (!bad_.empty() && bad_.back().range.end() == bad.range.offset && bad_.back().error == bad.error)
            bad_.back().range.size += bad.range.size;
        else
            bad_.push_back(bad);
    }
    std::lock_guard lock(mutex_);
    pending_.push_back({run.first, run.count, run.range.end(), run.leaf, run.read_at_us});
}

void LeafRecorder::durable(uint64_t upto) {
    std::vector<Pending> ready;
    {
        std::lock_guard lock(mutex_);
        for (; !pending_.empty() && pending_.front().end <= upto; pending_.pop_front())
            ready.push_back(pending_.front());
    }
    if (ready.empty()) return;
    if (read_times_) {
        std::vector<uint64_t> times;
        for (const Pending& run : ready) times.insert(times.end(), run.count, run.read_at_us);
        events_.log("read_times", {{"first_chunk", ready.front().first}, {"unix_us", times}});
    }
    for (const auto& output : outputs_) {
        output->log->sync(); // the log first: no leaf may outlive the word of what was unreadable in its chunk
        for (const Pending& run : ready) output->chunks->append(run.leaf, run.count);
        output->chunks->sync();
    }
    durable_upto_ = ready.back().end;
}

} // namespace kanshiki
