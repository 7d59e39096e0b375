#include "analyze/filesystem/ext/inode.h"

#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/ext/checksum.h"
#include "analyze/filesystem/file_type.h"

#include <algorithm>

namespace kanshiki::ext {
namespace {

// "Inode Timestamps": 32 signed bits of seconds; of the extra field 2 bits extend them, 30 are nanoseconds.
Timestamp timestamp(uint32_t seconds, uint32_t extra) {
    const uint32_t nanoseconds = extra >> 2;
    return {static_cast<int32_t>(seconds) + (static_cast<int64_t>(extra & 3) << 32),
            nanoseconds < 1'000'000'000 ? nanoseconds : 0};
}

// In i_block: the old 16 bits of Linux 2.4, or else its 32 bits in the second word.
void device(Inode& inode) {
    if (const uint32_t old = le32(inode.block, 0); old != 0) {
        inode.info.major = old >> 8 & 0xff;
        inode.info.minor = old & 0xff;
        return;
    }
    const uint32_t wide = le32(inode.block, 4);
    inode.info.major = wide >> 8 & 0xfff;
    inode.info.minor = (wide & 0xff) | (wide >> 12 & 0xfff00);
}

} // namespace

Inode parse_inode(std::span<const std::byte> bytes) {
    Inode inode;
    FileInfo& info = inode.info;
    const uint16_t mode = le16(bytes, 0x0);
    info.type = file_type_of_mode(mode);
    info.mode = mode & 07777;
    info.uid = le16(bytes, 0x2) | uint32_t{le16(bytes, 0x78)} << 16;
    info.gid = le16(bytes, 0x18) | uint32_t{le16(bytes, 0x7a)} << 16;
    info.links = le16(bytes, 0x1a);
    info.size = le32(bytes, 0x4);
    // i_size_high of anything else was i_dir_acl; large_dir uses it for directories.
    if (info.type == FileType::regular || info.type == FileType::directory || info.type == FileType::unknown)
        info.size |= uint64_t{le32(bytes, 0x6c)} << 32;
    inode.flags = le32(bytes, 0x20);
    inode.deletion = le32(bytes, 0x14);
    inode.sectors = le32(bytes, 0x1c) | uint64_t{le16(bytes, 0x74)} << 32;
    inode.generation = le32(bytes, 0x64);
    std::ranges::copy(bytes.subspan(0x28, 60), inode.block.begin());

    info.flags = inode.flags;
    info.attributes = inode.flags & (attribute_compressed | attribute_immutable | attribute_append | attribute_nodump |
                                     attribute_encrypted | attribute_verity); // the same bits
    inode.attribute_block = le32(bytes, 0x68) | uint64_t{le16(bytes, 0x76)} << 32;
    if (info.type == FileType::character || info.type == FileType::block) device(inode);

    // Fields past the first 128 bytes count only as far as i_extra_isize says.
    const uint32_t told = bytes.size() >= 0x84 ? le16(bytes, 0x80) : 0;
    inode.extra_size = told <= bytes.size() - 128 && told % 4 == 0 ? told : 0;
    const auto extra = [&](size_t at) { return at + 4 <= 128 + size_t{inode.extra_size} ? le32(bytes, at) : 0; };
    info.accessed = timestamp(le32(bytes, 0x8), extra(0x8c));
    info.changed = timestamp(le32(bytes, 0xc), extra(0x84));
    info.modified = timestamp(le32(bytes, 0x10), extra(0x88));
    if (extra(0x90) != 0 || extra(0x94) != 0) info.created = timestamp(extra(0x90), extra(0x94));
    inode.used = mode != 0 || le32(bytes, 0xc) != 0;
    return inode;
}

// "Checksums": number, generation, then all bytes with the checksum's own as zeros; its upper half only where the extra
// fields reach that far.
bool inode_checksum_right(std::span<const std::byte> bytes, uint32_t number, uint32_t seed) {
    constexpr size_t low = 0x7c, high = 0x82;
    constexpr std::array<std::byte, 2> zeros{};
    uint32_t state = crc32c(inode_seed(seed, number, le32(bytes, 0x64)), bytes.first(low));
    state = crc32c(state, zeros);
    if (bytes.size() == 128) return (crc32c(state, bytes.subspan(low + 2)) & 0xffff) == le16(bytes, low);
    state = crc32c(state, bytes.subspan(low + 2, high - low - 2));
    const bool whole = le16(bytes, 0x80) >= 4;
    if (whole) state = crc32c(state, zeros);
    state = crc32c(state, bytes.subspan(whole ? high + 2 : high));
    return whole ? state == (le16(bytes, low) | uint32_t{le16(bytes, high)} << 16)
                 : (state & 0xffff) == le16(bytes, low);
}

} // namespace kanshiki::ext
