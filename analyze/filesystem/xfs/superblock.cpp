#include "analyze/filesystem/xfs/superblock.h"

#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/uuid.h"
#include "analyze/filesystem/xfs/checksum.h"

#include <algorithm>
#include <bit>

namespace kanshiki::xfs {
namespace {

constexpr uint32_t magic = 0x58465342;                        // "XFSB"
constexpr uint16_t directory_v2 = 0x2000, more_bits = 0x8000; // sb_versionnum
constexpr uint32_t features2_file_types = 0x200;              // sb_features2
constexpr uint64_t no_inode = ~uint64_t{0};
constexpr size_t checksum_at = 224, size_v5 = 264;

bool power_between(uint64_t value, uint64_t least, uint64_t most) {
    return value >= least && value <= most && std::has_single_bit(value);
}

// The kernel refuses the same (xfs_validate_sb_common).
bool plausible(const Superblock& super, unsigned sector_log, unsigned directory_log) {
    return power_between(super.block_size, 512, 65536) && super.block_size == uint64_t{1} << super.block_log &&
           power_between(super.sector_size, 512, 32768) && super.sector_size == uint64_t{1} << sector_log &&
           power_between(super.inode_size, 256, 2048) && super.inode_size == uint64_t{1} << super.inode_log &&
           super.block_log == super.inode_log + super.inodes_per_block_log && super.block_log + directory_log <= 16 &&
           super.ag_blocks != 0 && super.ag_count != 0 && super.ag_blocks_log <= 31 &&
           super.ag_blocks <= uint64_t{1} << super.ag_blocks_log &&
           super.blocks > uint64_t{super.ag_count - 1} * super.ag_blocks &&
           super.blocks <= uint64_t{super.ag_count} * super.ag_blocks &&
           super.blocks < uint64_t{1} << (63 - super.block_log);
}

} // namespace

uint64_t Superblock::ag_length(uint32_t ag) const {
    return std::min<uint64_t>(ag_blocks, blocks - std::min(blocks, uint64_t{ag} * ag_blocks));
}

std::optional<uint64_t> Superblock::ag_block_offset(uint32_t ag, uint64_t block) const {
    if (ag >= ag_count || block >= ag_length(ag)) return std::nullopt;
    return (uint64_t{ag} * ag_blocks + block) << block_log;
}

std::optional<uint64_t> Superblock::block_offset(uint64_t fs_block, uint64_t count) const {
    const uint64_t ag = fs_block >> ag_blocks_log, block = fs_block & ((uint64_t{1} << ag_blocks_log) - 1);
    if (ag >= ag_count || count == 0) return std::nullopt;
    const uint64_t length = ag_length(static_cast<uint32_t>(ag));
    if (block >= length || count > length - block) return std::nullopt;
    return (ag * ag_blocks + block) << block_log;
}

std::optional<uint64_t> Superblock::inode_offset(uint64_t number) const {
    const auto block = block_offset(number >> inodes_per_block_log);
    if (!block) return std::nullopt;
    return *block + ((number & ((uint64_t{1} << inodes_per_block_log) - 1)) << inode_log);
}

std::optional<Superblock> parse_superblock(std::span<const std::byte> bytes) {
    if (bytes.size() < size_v5 || be32(bytes, 0) != magic) return std::nullopt;
    Superblock super;
    const uint16_t version = be16(bytes, 100);
    super.version = version & 0xf;
    if (super.version > 5 || super.version == 0) return std::nullopt;
    if (super.version < 4 || (super.version == 4 && !(version & directory_v2))) return std::nullopt; // before 2001
    super.block_size = be32(bytes, 4);
    super.blocks = be64(bytes, 8);
    super.realtime_blocks = be64(bytes, 16);
    std::ranges::copy(bytes.subspan(32, 16), super.uuid.begin());
    super.log_start = be64(bytes, 48);
    super.root_inode = be64(bytes, 56);
    super.ag_blocks = be32(bytes, 84);
    super.ag_count = be32(bytes, 88);
    super.log_blocks = be32(bytes, 96);
    super.sector_size = be16(bytes, 102);
    super.inode_size = be16(bytes, 104);
    const auto label = bytes.subspan(108, 12);
    super.label.assign(reinterpret_cast<const char*>(label.data()),
                       static_cast<size_t>(std::ranges::find(label, std::byte{0}) - label.begin()));
    const auto byte = [&](size_t at) { return std::to_integer<unsigned>(bytes[at]); };
    super.block_log = byte(120);
    super.inode_log = byte(122);
    super.inodes_per_block_log = byte(123);
    super.ag_blocks_log = byte(124);
    super.in_progress = byte(126) != 0;
    const unsigned directory_log = byte(192), log_sector_log = byte(193);
    // Exponents first: plausible() shifts by them.
    if (super.block_log > 16 || directory_log > 16 || byte(121) > 15 || super.inode_log > 11 ||
        !plausible(super, byte(121), directory_log))
        return std::nullopt;
    super.directory_block_size = super.block_size << directory_log;
    if (log_sector_log >= 9 && log_sector_log <= 15) super.log_sector_size = 1u << log_sector_log;

    std::vector<uint64_t> internal{be64(bytes, 64), be64(bytes, 72), be64(bytes, 160), be64(bytes, 168)};
    super.metadata_uuid = super.uuid;
    if (super.version == 5) {
        super.read_only = be32(bytes, 212);
        super.incompatible = be32(bytes, 216);
        super.log_incompatible = be32(bytes, 220);
        super.file_types = super.incompatible & incompat_ftype;
        internal.push_back(be64(bytes, 232)); // project quota
        super.log_sequence = be64(bytes, 240);
        if (super.incompatible & incompat_meta_uuid)
            std::ranges::copy(bytes.subspan(248, 16), super.metadata_uuid.begin());
        if ((super.incompatible & incompat_metadir) && bytes.size() >= size_v5 + 8)
            internal.push_back(be64(bytes, 264));
        const size_t sector = std::min<size_t>(bytes.size(), super.sector_size);
        super.checksum_wrong = sector == super.sector_size && !checksum_right(bytes.first(sector), checksum_at);
    } else {
        super.file_types = (version & more_bits) && (be32(bytes, 200) & features2_file_types);
    }
    for (const uint64_t each : internal)
        if (each != 0 && each != no_inode) super.internal_inodes.push_back(each);
    return super;
}

} // namespace kanshiki::xfs
