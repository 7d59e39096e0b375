#pragma once
// Which bytes of which physical volume a logical volume's bytes are. Built once, then only read: thread-safe.

#include "analyze/volume/lvm/volume_group.h"
#include "kanshiki/range.h"

#include <functional>
#include <memory>
#include <optional>

namespace kanshiki::lvm {

enum class Backing : uint8_t { stored, zeros, missing };

struct SegmentMap {
    struct Target {
        std::shared_ptr<const SegmentMap> logical; // another logical volume's bytes, or null:
        size_t physical = 0;                       // of a physical volume, by its place in VolumeGroup::physical
        uint64_t offset = 0;                       // in either
        bool missing = false;                      // that volume is not there, or not so large
    };
    struct Span {
        uint64_t offset = 0, size = 0;
        Backing backing = Backing::stored;
        uint64_t stripe_size = 0;    // bytes; of no use to one target
        std::vector<Target> targets; // one, or stripes
    };
    uint64_t size = 0;
    uint64_t missing = 0;    // at least; all of it only where it is `size`
    std::vector<Span> spans; // ascending, without gaps
};

struct Piece {
    uint64_t offset = 0, size = 0; // of the logical volume
    Backing backing = Backing::stored;
    size_t physical = 0; // where it is stored, and at which byte of that
    uint64_t at = 0;
};

// The pieces of [within), which must lie in the map, ascending; neighbours that are stored one behind the other are
// one. Ends early when `piece` says false. Throws Error{never_valid} when more stripes than most_steps would be
// touched: stripes of a sector over volumes of exabytes would take for ever.
void walk_pieces(const SegmentMap& map, Range within, const std::function<bool(const Piece&)>& piece,
                 uint64_t most_steps = 16 << 20);

} // namespace kanshiki::lvm
