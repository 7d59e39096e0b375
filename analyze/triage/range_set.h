#pragma once
// Sets of byte ranges, and a source's ranges each with its class.

#include "kanshiki/coverage.h"

namespace kanshiki {

// Ranges may be added in any order, overlapping; what they cover together does not depend on it.
class RangeSet {
public:
    void add(const Range& range);
    // Ascending, disjoint, neighbours merged.
    const std::vector<Range>& ranges();

private:
    void merge();
    std::vector<Range> ranges_;
    size_t merged_ = 0; // how many were left by the last merge
    bool clean_ = true;
};

// over, ascending and disjoint, on top of base, which is likewise and contiguous. class_of(class below, class above)
// gives the class of what both cover.
template<class Choose>
std::vector<CoveredRange> paint(const std::vector<CoveredRange>& base, const std::vector<CoveredRange>& over,
                                const Choose& class_of) {
    std::vector<CoveredRange> result;
    const auto give = [&](uint64_t from, uint64_t to, uint32_t of) {
        if (from >= to) return;
        if (!result.empty() && result.back().of == of && result.back().range.end() == from)
            result.back().range.size += to - from;
        else
            result.push_back({{from, to - from}, of});
    };
    auto above = over.begin();
    for (const CoveredRange& below : base) {
        uint64_t at = below.range.offset;
        const uint64_t end = below.range.end();
        while (above != over.end() && above->range.end() <= at) ++above;
        for (auto each = above; at < end; ++each) {
            if (each == over.end() || each->range.offset >= end) {
                give(at, end, below.of);
                break;
            }
            const uint64_t from = std::max(at, each->range.offset), to = std::min(end, each->range.end());
            give(at, from, below.of);
            give(from, to, class_of(below.of, each->of));
            at = std::max(at, to);
        }
    }
    return result;
}

} // namespace kanshiki
