#include "analyze/triage/range_set.h"

#include <algorithm>

namespace kanshiki {

void RangeSet::add(const Range& range) {
    if (range.size == 0) return;
    if (!ranges_.empty() && ranges_.back().end() == range.offset) { // the usual case: the next extent
        ranges_.back().size += range.size;
        clean_ = false;
        return;
    }
    ranges_.push_back(range);
    clean_ = false;
    if (ranges_.size() > 2 * merged_ + 65536) merge();
}

const std::vector<Range>& RangeSet::ranges() {
    merge();
    return ranges_;
}

void RangeSet::merge() {
    if (clean_) return;
    std::ranges::sort(ranges_, {}, &Range::offset);
    size_t last = 0;
    for (const Range& each : ranges_) {
        if (ranges_[last].end() >= each.offset)
            ranges_[last].size = std::max(ranges_[last].end(), each.end()) - ranges_[last].offset;
        else
            ranges_[++last] = each;
    }
    ranges_.resize(ranges_.empty() ? 0 : last + 1);
    merged_ = ranges_.size();
    clean_ = true;
}

} // namespace kanshiki
