#pragma once
// Volumes inside volumes: LVM2, LUKS, and partition tables on logical volumes.

#include "kanshiki/volume.h"

namespace kanshiki::volume {

// Looks into every allocated volume of the table, and into what is found there, and adds to the table what that holds.
// The contents refer to source.
void add_inner_volumes(BlockSource& source, const VolumeOptions& options, VolumeTable& table, std::stop_token stop);

} // namespace kanshiki::volume
