#pragma once
// From the metadata's segments to maps over the physical volumes that are there.

#include "analyze/volume/lvm/segment_map.h"

#include <map>
#include <set>
#include <span>

namespace kanshiki::lvm {

// Fills `into` from a byte of a physical volume (by its place in VolumeGroup::physical); false: not all of it is
// readable.
using ReadPhysical = std::function<bool(size_t physical, uint64_t offset, std::span<std::byte> into)>;

struct LaidOut {
    std::shared_ptr<const SegmentMap> map; // of the whole volume, whatever is missing
    std::string unreadable;                // why nothing of it can be read; empty: something can
    std::vector<std::string> notices;      // what is missing, and why; one line each
};

class Layout {
public:
    // present: of each physical volume how many bytes the source has; nothing: it is not there.
    Layout(const VolumeGroup& group, std::vector<std::optional<uint64_t>> present, ReadPhysical read);

    LaidOut lay_out(const LogicalVolumeEntry& logical);
    // Extents that several logical volumes claim; one line each.
    std::vector<std::string> overlaps() const;

private:
    using Map = std::shared_ptr<const SegmentMap>;
    Map map_of(const LogicalVolumeEntry& logical);
    Map named(const std::string& name);
    void add_segment(const Segment& segment, SegmentMap& map);
    void add_cut_short(Area& area, SegmentMap::Span& span, SegmentMap& map);
    void add_stripes(const Segment& segment, SegmentMap::Span span, SegmentMap& map);
    void add_mirror(const Segment& segment, SegmentMap::Span span, SegmentMap& map);
    std::vector<std::optional<std::vector<std::byte>>> read_superblocks(const Segment& segment);
    SegmentMap::Target target(const Area& area, uint64_t size);
    SegmentMap::Target on_physical(size_t index, const Area& area, uint64_t size);
    void add_missing(uint64_t offset, uint64_t size, SegmentMap& map);
    void say(std::string what);

    const VolumeGroup& group_;
    const std::vector<std::optional<uint64_t>> present_;
    const ReadPhysical read_;
    const uint64_t extent_; // bytes
    std::map<std::string_view, size_t> physical_;
    std::map<std::string_view, const LogicalVolumeEntry*> logical_;
    std::map<const LogicalVolumeEntry*, Map> done_;
    std::set<const LogicalVolumeEntry*> under_way_;
    std::vector<std::string> notices_;
};

} // namespace kanshiki::lvm
