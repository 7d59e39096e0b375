#include "analyze/filesystem/ext/group.h"

#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/ext/checksum.h"

namespace kanshiki::ext {
namespace {

constexpr size_t checksum_at = 0x1e, short_size = 32;

uint16_t crc16(uint16_t state, std::span<const std::byte> bytes) {
    for (const std::byte byte : bytes) {
        state ^= std::to_integer<uint16_t>(byte);
        for (int bit = 0; bit < 8; bit++) state = static_cast<uint16_t>(state >> 1 ^ (state & 1 ? 0xa001 : 0));
    }
    return state;
}

uint16_t expected_checksum(const Superblock& super, uint32_t number, std::span<const std::byte> bytes) {
    const auto before = bytes.first(checksum_at), after = bytes.subspan(checksum_at + 2);
    if (super.metadata_checksums()) {
        uint32_t state = checksum_of_number(super.checksum_seed, number);
        state = crc32c(crc32c(state, before), std::array<std::byte, 2>{});
        return static_cast<uint16_t>(crc32c(state, after));
    }
    const auto index = little_endian_bytes(number);
    const uint16_t state = crc16(crc16(crc16(0xffff, super.uuid_bytes), index), before);
    return super.has(incompatible::bits64) ? crc16(state, after) : state;
}

} // namespace

Group parse_group(const Superblock& super, uint64_t number, std::span<const std::byte> bytes) {
    Group group;
    group.block_bitmap = le32(bytes, 0x0);
    group.inode_bitmap = le32(bytes, 0x4);
    group.inode_table = le32(bytes, 0x8);
    group.block_bitmap_checksum = le16(bytes, 0x18);
    group.inode_bitmap_checksum = le16(bytes, 0x1a);
    const bool counted = super.group_checksums(); // else the kernel ignores these fields
    if (counted) {
        const uint16_t flags = le16(bytes, 0x12);
        group.inodes_uninitialised = flags & 1;
        group.blocks_uninitialised = flags & 2;
        group.unused_inodes = le16(bytes, 0x1c);
        group.checksum_wrong =
            expected_checksum(super, static_cast<uint32_t>(number), bytes) != le16(bytes, checksum_at);
    }
    if (bytes.size() > short_size) {
        group.block_bitmap |= uint64_t{le32(bytes, 0x20)} << 32;
        group.inode_bitmap |= uint64_t{le32(bytes, 0x24)} << 32;
        group.inode_table |= uint64_t{le32(bytes, 0x28)} << 32;
        if (counted) group.unused_inodes |= uint32_t{le16(bytes, 0x32)} << 16;
        group.block_bitmap_checksum |= uint32_t{le16(bytes, 0x38)} << 16;
        group.inode_bitmap_checksum |= uint32_t{le16(bytes, 0x3a)} << 16;
    }
    group.wrong = group.block_bitmap >= super.blocks || group.inode_bitmap >= super.blocks ||
                  group.inode_table >= super.blocks || super.table_blocks() > super.blocks - group.inode_table;
    return group;
}

} // namespace kanshiki::ext
