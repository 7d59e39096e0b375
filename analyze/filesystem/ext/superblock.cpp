#include "analyze/filesystem/ext/superblock.h"

#include "analyze/filesystem/bytes.h"
#include "kanshiki/digest.h"

#include <algorithm>
#include <array>
#include <bit>

namespace kanshiki::ext {
namespace {

constexpr uint32_t has_journal = 0x4, sparse_super2 = 0x200;          // compatible
constexpr uint32_t meta_bg = 0x10, bit64 = 0x80, ext4_only = 0x3f7c0; // incompatible: extents, 64bit, mmp, flex_bg …
constexpr uint32_t sparse_super = 0x1, group_checksum = 0x10, metadata_checksum = 0x400, ext4_ro = 0x1b778; // read-only

[[noreturn]] void invalid(const std::string& why) { throw Error(ExitCode::never_valid, "ext superblock: " + why); }

std::string text_until_nul(std::span<const std::byte> bytes) {
    const auto end = std::find(bytes.begin(), bytes.end(), std::byte{0});
    return {reinterpret_cast<const char*>(bytes.data()), static_cast<size_t>(end - bytes.begin())};
}

std::string uuid_text(std::span<const std::byte> bytes) {
    std::string hex = to_hex(bytes);
    for (const size_t at : {8, 13, 18, 23}) hex.insert(at, "-");
    return hex;
}

bool power_of(uint64_t number, uint64_t base) {
    uint64_t power = base;
    while (power < number) power *= base;
    return power == number;
}

// "Layout": which groups carry a copy of the superblock.
bool has_super(const Superblock& super, uint64_t group) {
    if (group == 0) return true;
    if (super.compatible & sparse_super2) return group == super.backup_groups[0] || group == super.backup_groups[1];
    if (!(super.read_only & sparse_super) || group == 1) return true;
    return power_of(group, 3) || power_of(group, 5) || power_of(group, 7);
}

// "Meta Block Groups": where descriptors no longer fit behind the superblock, each run of groups keeps its own block.
uint64_t descriptor_offset(const Superblock& super, uint64_t group) {
    const uint64_t per_block = super.block_size / super.descriptor_size;
    const uint64_t block = group / per_block;
    uint64_t at = super.first_data_block + 1 + block;
    if ((super.incompatible & meta_bg) && block >= super.first_meta_bg) {
        const uint64_t first = block * per_block;
        at = super.first_data_block + first * super.blocks_per_group + (has_super(super, first) ? 1 : 0);
    }
    return at * super.block_size + group % per_block * super.descriptor_size;
}

} // namespace

Superblock parse_superblock(std::span<const std::byte> bytes) {
    if (bytes.size() < 1024 || le16(bytes, 0x38) != 0xef53) invalid("no magic 0xEF53");
    Superblock super;
    super.inodes = le32(bytes, 0x0);
    super.first_data_block = le32(bytes, 0x14);
    const uint32_t shift = le32(bytes, 0x18);
    if (shift > 6) invalid("block size 2^" + std::to_string(uint64_t{10} + shift));
    super.block_size = 1024u << shift;
    super.blocks_per_group = le32(bytes, 0x20);
    super.inodes_per_group = le32(bytes, 0x28);
    const bool dynamic = le32(bytes, 0x4c) > 0; // revision 1: the fields from here on mean something
    super.first_inode = dynamic ? le32(bytes, 0x54) : 11;
    super.inode_size = dynamic ? le16(bytes, 0x58) : 128;
    if (dynamic) {
        super.compatible = le32(bytes, 0x5c);
        super.incompatible = le32(bytes, 0x60);
        super.read_only = le32(bytes, 0x64);
        super.uuid = uuid_text(bytes.subspan(0x68, 16));
        super.label = text_until_nul(bytes.subspan(0x78, 16));
        super.first_meta_bg = le32(bytes, 0x104);
        super.backup_groups[0] = le32(bytes, 0x24c);
        super.backup_groups[1] = le32(bytes, 0x250);
    }
    const bool wide = super.incompatible & bit64;
    super.descriptor_size = wide ? std::max<uint32_t>(le16(bytes, 0xfe), 64) : 32;
    super.blocks = le32(bytes, 0x4) | (wide ? uint64_t{le32(bytes, 0x150)} << 32 : 0);

    if (super.inode_size < 128 || super.inode_size > super.block_size || !std::has_single_bit(super.inode_size))
        invalid("inode size " + std::to_string(super.inode_size));
    if (super.descriptor_size > super.block_size || !std::has_single_bit(super.descriptor_size))
        invalid("group descriptor size " + std::to_string(super.descriptor_size));
    if (super.inodes == 0 || super.inodes_per_group == 0 || super.inodes_per_group > super.block_size * 8)
        invalid("inodes per group " + std::to_string(super.inodes_per_group));
    if (super.blocks == 0 || super.blocks >> 48 || super.blocks_per_group == 0)
        invalid(std::to_string(super.blocks) + " blocks, " + std::to_string(super.blocks_per_group) + " per group");
    super.type = (super.incompatible & ext4_only) || (super.read_only & ext4_ro) ? "ext4"
                 : (super.compatible & has_journal)                              ? "ext3"
                                                                                 : "ext2";
    return super;
}

Group read_group(const Superblock& super, VolumeReader& reader, uint64_t group) {
    if (group >= super.groups()) invalid("no block group " + std::to_string(group));
    std::array<std::byte, 64> bytes{};
    const size_t size = std::min<size_t>(super.descriptor_size, bytes.size());
    reader.read(descriptor_offset(super, group), std::span(bytes).first(size));
    Group result;
    result.inode_bitmap = le32(bytes, 0x4);
    result.inode_table = le32(bytes, 0x8);
    if (super.read_only & (group_checksum | metadata_checksum)) { // else the kernel ignores both fields
        result.inodes_uninitialised = le16(bytes, 0x12) & 1;
        result.unused_inodes = le16(bytes, 0x1c);
    }
    if (size == 64) {
        result.inode_bitmap |= uint64_t{le32(bytes, 0x24)} << 32;
        result.inode_table |= uint64_t{le32(bytes, 0x28)} << 32;
        if (super.read_only & (group_checksum | metadata_checksum))
            result.unused_inodes |= uint32_t{le16(bytes, 0x32)} << 16;
    }
    if (result.inode_table >= super.blocks || result.inode_bitmap >= super.blocks)
        invalid("group " + std::to_string(group) + " keeps its inodes beyond the end, at block " +
                std::to_string(result.inode_table));
    return result;
}

} // namespace kanshiki::ext
