#include "acquire/source/overlay.h"

#include <algorithm>

namespace kanshiki {

Overlay::Overlay(BlockSource& below, BlockSource& above, std::vector<Range> ranges, uint64_t size)
    : below_(below), above_(above), ranges_(std::move(ranges)), info_(below.info()) {
    info_.size = size;
    info_.holes = false;
    info_.lanes = std::min(below.info().lanes, above.info().lanes);
    if (above.info().access == Access::ascending) info_.access = Access::ascending;
}

void Overlay::read(Read& read, std::stop_token stop) {
    read.got = 0;
    read.kind = Kind::data;
    read.bad.clear();
    read.witness.reset();
    if (read.frame) read.frame->clear();
    const uint64_t end = std::min(read.offset + read.into.size(), *info_.size);
    for (uint64_t at = read.offset; at < end;) {
        const auto next = std::find_if(ranges_.begin(), ranges_.end(), [&](const Range& r) { return r.end() > at; });
        const bool inside = next != ranges_.end() && next->offset <= at;
        const uint64_t stop_at = next == ranges_.end() ? end : std::min(end, inside ? next->end() : next->offset);
        Read part{.offset = at, .into = read.into.subspan(at - read.offset, stop_at - at)};
        (inside ? above_ : below_).read(part, stop);
        read.got += part.got;
        read.bad.insert(read.bad.end(), part.bad.begin(), part.bad.end());
        if (part.got < stop_at - at) return; // the end of what it is read from
        at = stop_at;
    }
}

} // namespace kanshiki
