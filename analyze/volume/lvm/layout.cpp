#include "analyze/volume/lvm/layout.h"

#include "analyze/volume/lvm/raid_superblock.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <utility>

namespace kanshiki::lvm {
namespace {

constexpr uint64_t sector = 512;
constexpr uint64_t largest_volume = uint64_t{1} << 62; // bytes
constexpr size_t deepest = 16;                         // volumes made of volumes
constexpr size_t most_stripes = 1024;                  // LVM2 itself: 128
constexpr size_t most_notices = 20;                    // of one volume

std::string extents_text(const Segment& segment) {
    return "extents " + std::to_string(segment.start) + " to " + std::to_string(segment.start + segment.count - 1);
}

// Types whose bytes are not simply those of other volumes.
std::string why_unread(const std::string& type) {
    if (type == "thin") return "a thin volume: its mapping is in its pool's metadata, which this version does not read";
    if (type == "thin-pool") return "a thin pool: what it holds is in thin volumes, which this version does not read";
    if (type == "cache" || type == "writecache")
        return "a cached volume: its newest blocks may be in its cache, which this version does not read";
    if (type == "cache-pool") return "a cache pool: no volume of its own";
    if (type == "vdo" || type == "vdo-pool") return "a VDO volume: deduplicated, which this version does not read";
    if (type == "snapshot") return "a snapshot, which this version does not read";
    if (type == "error") return "a segment that LVM itself has marked as lost";
    return "of type " + type + ", which this version does not read";
}

} // namespace

Layout::Layout(const VolumeGroup& group, std::vector<std::optional<uint64_t>> present, ReadPhysical read)
    : group_(group), present_(std::move(present)), read_(std::move(read)), extent_(group.extent_size * sector) {
    for (size_t index = 0; index < group.physical.size(); index++) physical_.emplace(group.physical[index].name, index);
    for (const LogicalVolumeEntry& each : group.logical) logical_.emplace(each.name, &each);
}

void Layout::say(std::string what) {
    if (notices_.size() < most_notices && std::ranges::find(notices_, what) == notices_.end())
        notices_.push_back(std::move(what));
}

void Layout::add_missing(uint64_t offset, uint64_t size, SegmentMap& map) {
    if (size == 0) return;
    map.spans.push_back({offset, size, Backing::missing, 0, {}});
    map.missing += size;
}

SegmentMap::Target Layout::on_physical(size_t index, const Area& area, uint64_t size) {
    const PhysicalVolumeEntry& physical = group_.physical[index];
    SegmentMap::Target out;
    out.physical = index;
    out.missing = true;
    const uint64_t count = size / extent_;
    if (area.extent > physical.count || count > physical.count - area.extent ||
        physical.start > largest_volume / sector || physical.count > largest_volume / extent_) {
        say("extents " + std::to_string(area.extent) + " to " + std::to_string(area.extent + count - 1) +
            " lie beyond physical volume " + physical.name + ", which has " + std::to_string(physical.count));
        return out;
    }
    out.offset = physical.start * sector + area.extent * extent_;
    if (!present_[index]) {
        say("is in part on physical volume " + physical.name + " (" + physical.uuid +
            "), which is not in this source: that part is unreadable");
        return out;
    }
    if (out.offset > *present_[index] || size > *present_[index] - out.offset) {
        say("reaches beyond the end of physical volume " + physical.name + " in this source: that part is unreadable");
        return out;
    }
    out.missing = false;
    return out;
}

Layout::Map Layout::named(const std::string& name) {
    const auto found = logical_.find(name);
    if (found == logical_.end()) return nullptr;
    if (under_way_.contains(found->second) || under_way_.size() > deepest) {
        say("is made of itself, or of too many volumes inside each other (" + name + ")");
        return nullptr;
    }
    return map_of(*found->second);
}

SegmentMap::Target Layout::target(const Area& area, uint64_t size) {
    if (const auto found = physical_.find(area.name); found != physical_.end())
        return on_physical(found->second, area, size);
    SegmentMap::Target out;
    out.missing = true;
    out.logical = named(area.name);
    if (!out.logical) {
        say("is in part on " + area.name + ", which does not exist");
        return out;
    }
    if (area.extent > out.logical->size / extent_ || size > out.logical->size - area.extent * extent_) {
        say("reaches beyond the end of " + area.name);
        return out;
    }
    out.offset = area.extent * extent_;
    out.missing = out.logical->missing == out.logical->size;
    return out;
}

// Of a linear segment that reaches beyond what the source has of its physical volume, what is there; `span` becomes the
// rest. An image that was cut short is the common case.
void Layout::add_cut_short(Area& area, SegmentMap::Span& span, SegmentMap& map) {
    const auto found = physical_.find(area.name);
    if (found == physical_.end() || !present_[found->second]) return;
    const SegmentMap::Target there = on_physical(found->second, area, extent_);
    if (there.missing) return;
    const uint64_t here = std::min(span.size, (*present_[found->second] - there.offset) / extent_ * extent_);
    if (here == span.size) return;
    map.spans.push_back({span.offset, here, Backing::stored, 0, {there}});
    span.offset += here;
    span.size -= here;
    area.extent += here / extent_;
}

void Layout::add_stripes(const Segment& segment, SegmentMap::Span span, SegmentMap& map) {
    const uint64_t count = segment.areas.size();
    span.stripe_size = segment.stripe_size * sector;
    if (count == 0 || count > most_stripes || segment.count % count != 0 ||
        (count > 1 && (span.stripe_size == 0 || segment.stripe_size > largest_volume / sector ||
                       span.size / count % span.stripe_size != 0))) {
        say(extents_text(segment) + ": " + std::to_string(count) + " stripes of " +
            std::to_string(segment.stripe_size) + " sectors make no sense; unreadable");
        return add_missing(span.offset, span.size, map);
    }
    uint64_t missing = 0;
    std::vector<Area> areas = segment.areas;
    if (count == 1) add_cut_short(areas[0], span, map);
    for (const Area& area : areas) {
        span.targets.push_back(target(area, span.size / count));
        if (span.targets.back().missing) missing += span.size / count;
    }
    if (missing == span.size) return add_missing(span.offset, span.size, map);
    map.missing += missing;
    map.spans.push_back(std::move(span));
}

std::vector<std::optional<std::vector<std::byte>>> Layout::read_superblocks(const Segment& segment) {
    std::vector<std::optional<std::vector<std::byte>>> out;
    for (const Area& area : segment.superblocks) {
        auto& bytes = out.emplace_back();
        const Map metadata = named(area.name);
        if (!metadata || metadata->size < raid_superblock_size) continue;
        walk_pieces(*metadata, {0, raid_superblock_size}, [&](const Piece& piece) {
            if (piece.backing != Backing::stored || piece.size != raid_superblock_size) return false;
            bytes.emplace(raid_superblock_size);
            if (!read_(piece.physical, piece.at, *bytes)) bytes.reset();
            return false;
        });
    }
    return out;
}

// One image is the whole of it: of those that are current the one that has most.
void Layout::add_mirror(const Segment& segment, SegmentMap::Span span, SegmentMap& map) {
    const auto current = current_images(read_superblocks(segment));
    if (!current && !segment.superblocks.empty())
        say("no image has a RAID superblock that can be read: which is current is not known; the first that is there "
            "is read");
    std::optional<SegmentMap::Target> best;
    uint64_t least = span.size;
    const auto choose = [&](bool among_current) {
        for (size_t index = 0; index < segment.areas.size(); index++) {
            if (among_current != (!current || (index < current->size() && (*current)[index]))) continue;
            const std::vector<std::string> before = notices_;
            const SegmentMap::Target candidate = target(segment.areas[index], span.size);
            notices_ = before; // an image that is missing matters only if no other is there
            const uint64_t missing = candidate.missing ? span.size : candidate.logical ? candidate.logical->missing : 0;
            if (missing < least) best = candidate, least = missing;
        }
    };
    choose(true);
    if (!best) {
        choose(false);
        if (best) say("only an image of the mirror that is not current is here: its content may be old");
    }
    if (!best) {
        for (const Area& area : segment.areas) target(area, span.size); // for what they say
        say(extents_text(segment) + ": no image of the mirror is in this source; unreadable");
        return add_missing(span.offset, span.size, map);
    }
    span.targets = {*best};
    map.missing += least;
    map.spans.push_back(std::move(span));
}

void Layout::add_segment(const Segment& segment, SegmentMap& map) {
    if (segment.count == 0 || segment.start > largest_volume / extent_ ||
        segment.count > largest_volume / extent_ - segment.start)
        return say("a segment of " + std::to_string(segment.count) + " extents at " + std::to_string(segment.start) +
                   " makes no sense; left out");
    SegmentMap::Span span{segment.start * extent_, segment.count * extent_, Backing::stored, 0, {}};
    if (span.offset < map.size) return say(extents_text(segment) + " are there twice; the second is left out");
    if (span.offset > map.size) {
        say("extents " + std::to_string(map.size / extent_) + " to " + std::to_string(segment.start - 1) +
            " are in no segment; unreadable");
        add_missing(map.size, span.offset - map.size, map);
    }
    map.size = span.offset + span.size;
    if (segment.type == "striped" || segment.type == "raid0" || segment.type == "raid0_meta")
        return add_stripes(segment, std::move(span), map);
    if (segment.type == "raid1" || segment.type == "mirror") return add_mirror(segment, std::move(span), map);
    if (segment.type == "zero") {
        span.backing = Backing::zeros;
        return map.spans.push_back(std::move(span));
    }
    say("is " + why_unread(segment.type));
    add_missing(span.offset, span.size, map);
}

Layout::Map Layout::map_of(const LogicalVolumeEntry& logical) {
    const auto known = done_.find(&logical);
    if (known != done_.end()) return known->second;
    under_way_.insert(&logical);
    auto map = std::make_shared<SegmentMap>();
    for (const Segment& segment : logical.segments) add_segment(segment, *map);
    under_way_.erase(&logical);
    done_[&logical] = map;
    return map;
}

LaidOut Layout::lay_out(const LogicalVolumeEntry& logical) {
    notices_.clear();
    LaidOut out;
    out.map = map_of(logical);
    out.notices = std::exchange(notices_, {});
    if (!logical.snapshot_of.empty()) {
        auto nothing = std::make_shared<SegmentMap>();
        nothing->size = out.map->size;
        add_missing(0, nothing->size, *nothing);
        out.map = nothing;
        out.unreadable = "a snapshot of " + logical.snapshot_of +
                         ": it keeps what was changed since, in a form that this version does not read";
    } else if (out.map->size == 0) {
        out.unreadable = "it has no segment that can be read" + (out.notices.empty() ? "" : ": " + out.notices.front());
    } else if (out.map->missing == out.map->size) {
        out.unreadable = out.notices.empty() ? "all of it is missing" : out.notices.front();
    }
    return out;
}

std::vector<std::string> Layout::overlaps() const {
    struct Claim {
        size_t physical;
        uint64_t first, count;
        const LogicalVolumeEntry* by;
    };
    std::vector<Claim> claims;
    for (const LogicalVolumeEntry& logical : group_.logical)
        for (const Segment& segment : logical.segments)
            for (const Area& area : segment.areas)
                if (const auto found = physical_.find(area.name); found != physical_.end())
                    claims.push_back({found->second, area.extent,
                                      segment.type == "striped" ? segment.count / segment.areas.size() : segment.count,
                                      &logical});
    std::ranges::sort(claims, [](const Claim& a, const Claim& b) {
        return std::pair(a.physical, a.first) < std::pair(b.physical, b.first);
    });
    std::vector<std::string> out;
    for (size_t index = 1; index < claims.size() && out.size() < most_notices; index++) {
        const Claim &before = claims[index - 1], &here = claims[index];
        if (before.physical == here.physical && here.first - before.first < before.count)
            out.push_back("extent " + std::to_string(here.first) + " of physical volume " +
                          group_.physical[here.physical].name + " is claimed twice: by " + before.by->name +
                          " and by " + here.by->name);
    }
    return out;
}

} // namespace kanshiki::lvm
