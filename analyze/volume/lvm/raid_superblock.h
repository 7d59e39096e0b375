#pragma once
// What device-mapper's raid target keeps in the metadata volume of each image (Linux, drivers/md/dm-raid.c, struct
// dm_raid_superblock): which images are current.

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace kanshiki::lvm {

inline constexpr size_t raid_superblock_size = 512;

// superblocks: each image's, or nothing where it cannot be read. Returns for each image whether it is current: in sync,
// not failed, as new as the newest. Nothing when no image has a superblock, so that it is not known.
std::optional<std::vector<bool>> current_images(std::span<const std::optional<std::vector<std::byte>>> superblocks);

} // namespace kanshiki::lvm
