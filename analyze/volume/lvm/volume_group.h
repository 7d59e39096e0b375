#pragma once
// A volume group as its metadata's text tells it; sizes in the units that it uses. Nothing is checked against disks.

#include "analyze/volume/lvm/config_text.h"

#include <unordered_map>

namespace kanshiki::lvm {

// A part of a physical or logical volume that a segment is made of.
struct Area {
    std::string name;
    uint64_t extent = 0; // where in it
};

struct Segment {
    uint64_t start = 0, count = 0; // extents of the logical volume
    std::string type;              // "striped", "raid1", "thin" …
    uint64_t stripe_size = 0;      // sectors
    std::vector<Area> areas;       // stripes, or the images of a mirror
    std::vector<Area> superblocks; // of raid images, as many as areas; or none
};

struct LogicalVolumeEntry {
    std::string name, uuid;
    bool visible = false;
    std::string snapshot_of; // its bytes are the changes since then, in an exception store
    std::vector<Segment> segments;
};

struct PhysicalVolumeEntry {
    std::string name, uuid; // 32 characters
    uint64_t start = 0;     // sectors
    uint64_t count = 0;     // extents
};

struct VolumeGroup {
    std::string name, uuid;
    uint64_t sequence = 0, extent_size = 0; // of extents: sectors
    std::vector<PhysicalVolumeEntry> physical;
    std::vector<LogicalVolumeEntry> logical; // in the text's order
    std::vector<std::string> faults;         // what of it makes no sense and was left out
};

// Throws Error{never_valid} where it is no metadata of a volume group.
VolumeGroup parse_volume_group(std::string_view text);

std::string without_dashes(std::string uuid);

} // namespace kanshiki::lvm
