#include "analyze/filesystem/ext/superblock.h"

#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/crc32c.h"
#include "analyze/filesystem/uuid.h"

#include <algorithm>
#include <bit>

namespace kanshiki::ext {
namespace {

constexpr uint32_t ext4_incompatible = 0x3f7c0, ext4_read_only = 0x1b778; // what makes it more than an ext3
constexpr uint32_t known_incompatible = 0x3f7df;                          // of which compression is not read

[[noreturn]] void invalid(const std::string& why) { throw Error(ExitCode::never_valid, "ext superblock: " + why); }

std::string text_until_nul(std::span<const std::byte> bytes) {
    const auto end = std::find(bytes.begin(), bytes.end(), std::byte{0});
    return {reinterpret_cast<const char*>(bytes.data()), static_cast<size_t>(end - bytes.begin())};
}

bool power_of(uint64_t number, uint64_t base) {
    uint64_t power = base;
    while (power < number) power *= base;
    return power == number;
}

std::string hexadecimal(uint32_t value) {
    std::string text = "0x";
    for (int shift = 28; shift >= 0; shift -= 4)
        if (value >> shift != 0 || shift == 0) text += "0123456789abcdef"[value >> shift & 15];
    return text;
}

// The fields that mean something from revision 1 on.
void parse_dynamic(Superblock& super, std::span<const std::byte> bytes) {
    super.group = le16(bytes, 0x5a);
    super.compatible = le32(bytes, 0x5c);
    super.incompatible = le32(bytes, 0x60);
    super.read_only = le32(bytes, 0x64);
    const auto uuid = bytes.subspan(0x68, 16);
    super.uuid_bytes.assign(uuid.begin(), uuid.end());
    super.uuid = uuid_text(uuid);
    super.label = text_until_nul(bytes.subspan(0x78, 16));
    super.reserved_gdt = le16(bytes, 0xce);
    super.journal_inode = le32(bytes, 0xe0);
    super.journal_device = le32(bytes, 0xe4);
    super.first_meta_bg = le32(bytes, 0x104);
    super.backup_groups[0] = le32(bytes, 0x24c);
    super.backup_groups[1] = le32(bytes, 0x250);
    super.checksum_seed =
        super.has(incompatible::checksum_seed) ? le32(bytes, 0x270) : crc32c(~uint32_t{0}, super.uuid_bytes);
    super.checksum_wrong = super.metadata_checksums() && crc32c(~uint32_t{0}, bytes.first(0x3fc)) != le32(bytes, 0x3fc);
}

void check(const Superblock& super) {
    if (super.inode_size < 128 || super.inode_size > super.block_size || !std::has_single_bit(super.inode_size))
        invalid("inode size " + std::to_string(super.inode_size));
    if (super.descriptor_size > super.block_size || !std::has_single_bit(super.descriptor_size))
        invalid("group descriptor size " + std::to_string(super.descriptor_size));
    if (super.inodes == 0 || super.inodes_per_group == 0 || super.inodes_per_group > super.block_size * 8)
        invalid("inodes per group " + std::to_string(super.inodes_per_group));
    // The bitmap of a group is one block.
    if (super.blocks == 0 || super.blocks >> 48 || super.blocks_per_group == 0 ||
        super.blocks_per_group / super.cluster_blocks > super.block_size * 8)
        invalid(std::to_string(super.blocks) + " blocks, " + std::to_string(super.blocks_per_group) + " per group");
}

} // namespace

Superblock parse_superblock(std::span<const std::byte> bytes) {
    if (bytes.size() < superblock_size || le16(bytes, 0x38) != 0xef53) invalid("no magic 0xEF53");
    Superblock super;
    super.inodes = le32(bytes, 0x0);
    super.first_data_block = le32(bytes, 0x14);
    const uint32_t shift = le32(bytes, 0x18), cluster_shift = le32(bytes, 0x1c);
    if (shift > 6) invalid("block size 2^" + std::to_string(uint64_t{10} + shift));
    super.block_size = 1024u << shift;
    super.blocks_per_group = le32(bytes, 0x20);
    super.inodes_per_group = le32(bytes, 0x28);
    super.state = le16(bytes, 0x3a);
    const bool dynamic = le32(bytes, 0x4c) > 0;
    super.first_inode = dynamic ? le32(bytes, 0x54) : 11;
    super.inode_size = dynamic ? le16(bytes, 0x58) : 128;
    if (dynamic) parse_dynamic(super, bytes);
    if (super.read_only & read_only::bigalloc) {
        if (cluster_shift < shift || cluster_shift > 20) invalid("cluster size 2^" + std::to_string(cluster_shift));
        super.cluster_blocks = 1u << (cluster_shift - shift);
    }
    const bool wide = super.has(incompatible::bits64);
    super.descriptor_size = wide ? std::max<uint32_t>(le16(bytes, 0xfe), 64) : 32;
    super.blocks = le32(bytes, 0x4) | (wide ? uint64_t{le32(bytes, 0x150)} << 32 : 0);
    check(super);
    super.type = (super.incompatible & ext4_incompatible) || (super.read_only & ext4_read_only) ? "ext4"
                 : (super.compatible & compatible::has_journal)                                 ? "ext3"
                                                                                                : "ext2";
    return super;
}

bool has_superblock(const Superblock& super, uint64_t group) {
    if (group == 0) return true;
    if (super.compatible & compatible::sparse_super2)
        return group == super.backup_groups[0] || group == super.backup_groups[1];
    if (!(super.read_only & read_only::sparse_super) || group == 1) return true;
    return power_of(group, 3) || power_of(group, 5) || power_of(group, 7);
}

// "Meta Block Groups": where descriptors no longer fit behind the superblock, each run of groups keeps its own block.
uint64_t descriptor_offset(const Superblock& super, uint64_t group) {
    const uint64_t per_block = super.block_size / super.descriptor_size;
    const uint64_t block = group / per_block;
    // Of the first group the superblock is at byte 1024, even where 1 KiB blocks are counted from 0 (bigalloc).
    const auto behind_superblock = [&](uint64_t of) {
        return (of == 0 ? superblock_offset / super.block_size : super.first_block(of)) + 1;
    };
    uint64_t at = behind_superblock(super.group) + block;
    if (super.has(incompatible::meta_bg) && block >= super.first_meta_bg) {
        const uint64_t first = block * per_block;
        at = has_superblock(super, first) ? behind_superblock(first) : super.first_block(first);
    }
    return at * super.block_size + group % per_block * super.descriptor_size;
}

uint64_t base_blocks(const Superblock& super, uint64_t group) {
    const uint64_t per_block = super.block_size / super.descriptor_size;
    const uint64_t here = has_superblock(super, group) ? 1 : 0;
    if (super.has(incompatible::meta_bg) && group >= uint64_t{super.first_meta_bg} * per_block) {
        const uint64_t place = group % per_block; // copies in the first, the second and the last group of each run
        return here + (place <= 1 || place == per_block - 1 ? 1 : 0);
    }
    if (here == 0) return 0;
    const uint64_t descriptors =
        super.has(incompatible::meta_bg) ? super.first_meta_bg : (super.groups() + per_block - 1) / per_block;
    return here + descriptors + super.reserved_gdt;
}

std::vector<std::string> superblock_notices(const Superblock& super) {
    std::vector<std::string> notices;
    const auto say = [&](std::string text) { notices.push_back(std::move(text)); };
    if (super.group != 0)
        say("the superblock is damaged: read by its copy in block group " + std::to_string(super.group) +
            ", whose times, counts and journal state are old");
    if (super.checksum_wrong) say("the superblock's checksum is wrong");
    if (const uint32_t unknown = super.incompatible & ~known_incompatible; unknown != 0)
        say("it uses features that are not known here (incompatible " + hexadecimal(unknown) +
            "): what follows may be wrong or incomplete");
    if (super.has(incompatible::compression)) say("it has compressed files (e2compr), which are not read");
    if (super.has(incompatible::encrypt))
        say("it may have encrypted directories (fscrypt): their names and contents are ciphertext");
    if (super.state & 2) say("it was marked as having errors when it was last used");
    if (!(super.state & 1) && !(super.compatible & compatible::has_journal))
        say("it was not unmounted cleanly, and keeps no journal");
    if (super.groups() != super.block_groups())
        say("the superblock contradicts itself: inodes for " + std::to_string(super.groups()) +
            " block groups, blocks for " + std::to_string(super.block_groups()));
    return notices;
}

} // namespace kanshiki::ext
