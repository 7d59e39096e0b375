#pragma once
// What a physical volume of LVM2 keeps at its start: label, header, and copies of the volume group's metadata as text.

#include "analyze/volume/partition.h"

namespace kanshiki::lvm {

struct MetadataCopy {
    std::string text;
    bool sound = true; // its checksum is right
};

struct PhysicalVolume {
    std::string uuid;  // 32 characters, without the dashes
    uint64_t size = 0; // bytes, as its header says
    std::vector<MetadataCopy> copies;
    std::vector<std::string> faults; // of label, header and metadata areas; one line each
};

// Nothing when there is no label in the first four sectors. disk.read is asked only inside [0, disk.size).
std::optional<PhysicalVolume> read_physical_volume(const volume::Disk& disk);

// LVM2's CRC-32: the usual polynomial, begun with a constant of its own, not inverted at the end.
uint32_t checksum(std::span<const std::byte> bytes, uint32_t state = 0xf597a6cf);

} // namespace kanshiki::lvm
