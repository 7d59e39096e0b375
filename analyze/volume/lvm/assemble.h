#pragma once
// Volume groups put together from the physical volumes that were found.

#include "analyze/volume/lvm/logical_volume.h"
#include "analyze/volume/lvm/physical_volume.h"

namespace kanshiki::lvm {

struct Found {
    Volume place; // of the source
    PhysicalVolume physical;
};

struct LogicalFound {
    Volume volume;     // without a number
    bool plain = true; // some of its group is not encrypted
};

struct Assembled {
    std::vector<LogicalFound> volumes; // group by group
    std::vector<std::string> holds;    // of each physical volume given: what it is
    std::vector<bool> grouped;         // of each: whether its group's metadata was found
    std::vector<std::string> notices;
};

Assembled assemble(BlockSource& source, const std::vector<Found>& found, std::stop_token stop);

} // namespace kanshiki::lvm
