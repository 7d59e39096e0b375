#include "analyze/volume/lvm/segment_map.h"

#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki::lvm {
namespace {

// Joins pieces before they are passed on.
class Joiner {
public:
    Joiner(const std::function<bool(const Piece&)>& out, uint64_t most_steps) : out_(out), left_(most_steps) {}

    bool add(const Piece& piece) {
        if (left_-- == 0) throw Error(ExitCode::never_valid, "a logical volume of far too many stripes");
        if (held_ && piece.offset == held_->offset + held_->size && piece.backing == held_->backing &&
            (piece.backing != Backing::stored ||
             (piece.physical == held_->physical && piece.at == held_->at + held_->size))) {
            held_->size += piece.size;
            return true;
        }
        const bool more = flush();
        held_ = piece;
        return more;
    }
    bool flush() {
        const bool more = !held_ || out_(*held_);
        held_.reset();
        return more;
    }

private:
    const std::function<bool(const Piece&)>& out_;
    std::optional<Piece> held_;
    uint64_t left_;
};

// `as`: the offset in the outermost volume of within's first byte.
bool walk(const SegmentMap& map, Range within, uint64_t as, Joiner& out) {
    auto span = std::ranges::upper_bound(map.spans, within.offset, {}, &SegmentMap::Span::offset);
    if (span == map.spans.begin()) return true;
    for (--span; span != map.spans.end() && span->offset < within.end(); ++span) {
        uint64_t at = std::max(within.offset, span->offset);
        const uint64_t end = std::min(within.end(), span->offset + span->size);
        while (at < end) {
            const uint64_t inside = at - span->offset, outer = as + (at - within.offset);
            if (span->backing != Backing::stored) {
                if (!out.add({outer, end - at, span->backing, 0, 0})) return false;
                break;
            }
            const uint64_t count = span->targets.size(), stripe = count == 1 ? span->size : span->stripe_size;
            const SegmentMap::Target& target = span->targets[inside / stripe % count];
            const uint64_t offset = target.offset + inside / stripe / count * stripe + inside % stripe;
            const uint64_t size = std::min(stripe - inside % stripe, end - at);
            bool more = true;
            if (target.missing)
                more = out.add({outer, size, Backing::missing, 0, 0});
            else if (target.logical)
                more = walk(*target.logical, {offset, size}, outer, out);
            else
                more = out.add({outer, size, Backing::stored, target.physical, offset});
            if (!more) return false;
            at += size;
        }
    }
    return true;
}

} // namespace

void walk_pieces(const SegmentMap& map, Range within, const std::function<bool(const Piece&)>& piece,
                 uint64_t most_steps) {
    Joiner joiner(piece, most_steps);
    if (walk(map, within, within.offset, joiner)) joiner.flush();
}

} // namespace kanshiki::lvm
