#include "acquire/pipeline/feeder.h"

#include <algorithm>

namespace kanshiki {
namespace {

constexpr uint64_t stretch = uint64_t{64} << 30; // how far the source is asked at a time
constexpr uint64_t longest_run = uint64_t{1}
                                 << 30; // so that progress and interruption stay alive in long runs of zeros

} // namespace

Feeder::Feeder(BlockSource& source, uint64_t start, std::optional<uint64_t> end, bool use_extents)
    : source_(source), next_(start), end_(end), use_extents_(use_extents && source.info().holes && end) {}

const Extent* Feeder::extent_at(uint64_t offset, std::stop_token stop) {
    while (current_ < known_.size() && known_[current_].range.end() <= offset) ++current_;
    if (current_ == known_.size()) {
        known_ = source_.extents({offset, std::min(stretch, *end_ - offset)}, stop);
        current_ = 0;
        while (current_ < known_.size() && known_[current_].range.end() <= offset) ++current_;
    }
    return current_ < known_.size() ? &known_[current_] : nullptr;
}

std::optional<Cut> Feeder::next(std::stop_token stop) {
    if (end_ && next_ >= *end_) return {};
    Cut cut{{next_, end_ ? std::min(chunk_size, *end_ - next_) : chunk_size}, Kind::data};
    if (use_extents_)
        if (const Extent* extent = extent_at(next_, stop); extent && extent->kind != Kind::data) {
            const uint64_t run = std::min(extent->range.end() - next_, longest_run) / chunk_size * chunk_size;
            if (run > 0)
                cut = {{next_, run}, extent->kind};
            else if (extent->range.end() >= cut.range.end())
                cut.kind = extent->kind; // the short last chunk
        }
    next_ = cut.range.end();
    return cut;
}

} // namespace kanshiki
