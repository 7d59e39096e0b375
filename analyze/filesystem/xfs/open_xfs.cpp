#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/xfs/xfs_file_system.h"

namespace kanshiki::xfs {
namespace {

// A forged superblock at byte 0 must not hide the file system that is really there: what it leads to has to look like
// XFS too, the root directory's inode or the first group's free space header.
bool confirmed(VolumeReader& reader, const Superblock& super) {
    const auto holds = [&](uint64_t offset, auto magic, auto read) {
        std::array<std::byte, 4> bytes{};
        if (reader.size() < 4 || offset > reader.size() - 4) return false;
        reader.read(offset, bytes, false);
        return read(std::span<const std::byte>(bytes)) == magic;
    };
    const auto root = super.inode_offset(super.root_inode);
    return (root && holds(*root, inode_magic, [](auto bytes) { return be16(bytes, 0); })) ||
           holds(super.sector_size, uint32_t{0x58414746}, [](auto bytes) { return be32(bytes, 0); }); // "XAGF"
}

// The superblock as the log leaves it: the file system may just have grown.
Superblock after(const Replayed& log, std::vector<std::byte> sector, const Superblock& before) {
    log.overlay.patch(0, sector);
    auto super = parse_superblock(sector);
    if (!super || super->block_log != before.block_log) return before;
    super->checksum_wrong = before.checksum_wrong; // the log's changes are not in it yet
    return *super;
}

} // namespace

std::unique_ptr<FileSystem> open_xfs(BlockSource& source, Range range, std::stop_token stop) {
    std::optional<Superblock> super;
    std::vector<std::byte> sector(512);
    {
        VolumeReader reader(source, range, stop);
        if (reader.size() < sector.size()) return nullptr;
        reader.read(0, sector, false);
        super = parse_superblock(sector);
        if (!super || reader.size() < super->sector_size) return nullptr;
        if (super->sector_size > sector.size()) { // its checksum covers a whole sector
            sector.resize(super->sector_size);
            reader.read(0, sector, false);
            super = parse_superblock(sector);
        }
        if (!super || !confirmed(reader, *super)) return nullptr;
    }
    auto log = replay_log(source, range, *super, stop);
    return std::make_unique<XfsFileSystem>(source, range, after(*log, std::move(sector), *super), std::move(log),
                                           std::move(stop));
}

} // namespace kanshiki::xfs
