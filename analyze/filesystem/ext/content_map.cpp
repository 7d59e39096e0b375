#include "analyze/filesystem/ext/content_map.h"

#include "analyze/filesystem/ext/checksum.h"
#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki::ext {

std::vector<BlockRun> map_content(Disk& disk, uint64_t number, const Inode& inode, const ReadBlock& read) {
    const Superblock& super = disk.super();
    const std::string where = super.type + " inode " + std::to_string(number) + ": ";
    const uint32_t seed = inode_seed(super.checksum_seed, static_cast<uint32_t>(number), inode.generation);
    const Geometry geometry{super.block_size, super.blocks};
    const auto checked = [&](uint64_t block, std::span<std::byte> into) {
        read(block, into);
        if (super.metadata_checksums() && !extent_checksum_right(into, seed))
            disk.warn(where + "extent block " + std::to_string(block) + " has a wrong checksum");
    };
    try {
        if (inode.flags & flag_extents) return walk_extents(inode.block, geometry, checked);
        return walk_indirect(inode.block, inode.info.size, geometry, read);
    } catch (const Error& error) {
        if (error.code() != ExitCode::never_valid) throw;
        throw Error(ExitCode::never_valid, where + error.what());
    }
}

std::vector<BlockRun> map_content(Disk& disk, uint64_t number, const Inode& inode) {
    return map_content(disk, number, inode, [&](uint64_t block, std::span<std::byte> into) {
        std::ranges::copy(disk.block(block), into.begin());
    });
}

} // namespace kanshiki::ext
