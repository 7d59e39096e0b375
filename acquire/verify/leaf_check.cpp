#include "acquire/verify/leaf_check.h"

#include "acquire/block/zero.h"

#include <algorithm>
#include <mutex>

namespace kanshiki {

void LeafCheck::leaf(const LeafRun& run) {
    const Bad* damage = nullptr;
    for (const Bad& bad : run.bad)
        if (bad.error == recorded_unreadable)
            recorded.push_back(bad);
        else if (!damage)
            damage = &bad;
    if (damage) {
        // Without these bytes the chunk as a whole proves nothing.
        const int error = damage->error;
        if (!unreadable.empty() && unreadable.back().error == error &&
            unreadable.back().range.end() == run.range.offset)
            unreadable.back().range.size += run.range.size;
        else
            unreadable.push_back({run.range, error});
        return;
    }
    if (!list_) return;
    for (uint64_t i = 0; i < run.count; ++i) {
        const uint64_t index = run.first + i;
        if (index >= list_->size()) {
            beyond += run.count - i;
            return;
        }
        if ((*list_)[index] == run.leaf) continue;
        const uint64_t offset = run.range.offset + i * chunk_size;
        const Range chunk{offset, std::min(chunk_size, run.range.end() - offset)};
        if (!differing.empty() && differing.back().end() == offset)
            differing.back().size += chunk.size;
        else
            differing.push_back(chunk);
    }
}

struct ZeroCheck::Found {
    std::mutex mutex;
    std::vector<Range> ranges;
};

ZeroCheck::ZeroCheck(BlockSource& below, std::vector<Range> ranges)
    : below_(below), ranges_(std::move(ranges)), found_(std::make_unique<Found>()) {}

ZeroCheck::~ZeroCheck() = default;

void ZeroCheck::read(Read& read, std::stop_token stop) {
    below_.read(read, stop);
    if (read.kind != Kind::data) return;
    const uint64_t end = read.offset + read.got;
    auto at = std::partition_point(ranges_.begin(), ranges_.end(),
                                   [&](const Range& range) { return range.end() <= read.offset; });
    for (; at != ranges_.end() && at->offset < end; ++at) {
        const uint64_t from = std::max(at->offset, read.offset), to = std::min(at->end(), end);
        if (is_zero(read.into.subspan(from - read.offset, to - from))) continue;
        const std::lock_guard lock(found_->mutex);
        found_->ranges.push_back({from, to - from});
    }
}

std::vector<Range> ZeroCheck::not_zero() const {
    std::vector<Range> out = found_->ranges;
    std::sort(out.begin(), out.end(), [](const Range& a, const Range& b) { return a.offset < b.offset; });
    return out;
}

} // namespace kanshiki
