#include "analyze/filesystem/xfs/inode.h"

#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/file_type.h"
#include "analyze/filesystem/xfs/metadata.h"

namespace kanshiki::xfs {
namespace {

// "Timestamps": bigtime counts nanoseconds from -2^31 s; the older form is 32 signed bits each of seconds and
// nanoseconds.
Timestamp timestamp(uint64_t stored, bool bigtime) {
    constexpr uint64_t billion = 1'000'000'000;
    if (bigtime)
        return {static_cast<int64_t>(stored / billion) - (int64_t{1} << 31), static_cast<uint32_t>(stored % billion)};
    const auto nanoseconds = static_cast<uint32_t>(stored);
    return {static_cast<int32_t>(stored >> 32), nanoseconds < billion ? nanoseconds : 0};
}

uint32_t attributes_of(uint16_t flags, uint64_t flags2) {
    uint32_t attributes = 0;
    if (flags & flag_immutable) attributes |= attribute_immutable;
    if (flags & flag_append) attributes |= attribute_append;
    if (flags & flag_nodump) attributes |= attribute_nodump;
    if (flags2 & flag2_verity) attributes |= attribute_verity;
    return attributes;
}

void parse_forks(Inode& inode) {
    const std::span<const std::byte> bytes = std::span(inode.bytes).first(inode.size);
    const size_t core = inode.version == 3 ? core_size_v3 : core_size_v2, literal = inode.size - core;
    const size_t offset = std::to_integer<size_t>(bytes[82]) * 8; // di_forkoff; 0: no attribute fork
    if (offset >= literal)
        damaged("inode " + std::to_string(inode.number) + ": its attribute fork begins at byte " +
                std::to_string(core + offset) + " of " + std::to_string(inode.size));
    inode.data = {static_cast<Format>(bytes[5]), core, offset == 0 ? literal : offset, be32(bytes, 76)};
    inode.attributes = {static_cast<Format>(bytes[83]), core + offset, offset == 0 ? 0 : literal - offset,
                        be16(bytes, 80)};
    if (inode.flags2 & flag2_large_counts) { // "NREXT64": both counts have moved
        inode.data.extents = be64(bytes, 24);
        inode.attributes.extents = be32(bytes, 76);
    }
}

} // namespace

void parse_inode(Inode& inode) {
    const std::span<const std::byte> bytes = std::span(inode.bytes).first(inode.size);
    const auto where = [&] { return "inode " + std::to_string(inode.number); };
    if (be16(bytes, 0) != inode_magic) damaged(where() + ": there is no inode in its place");
    inode.version = std::to_integer<unsigned>(bytes[4]);
    if (inode.version < 1 || inode.version > 3) damaged(where() + ": version " + std::to_string(inode.version));
    const uint16_t mode = be16(bytes, 2);
    inode.mode_zero = mode == 0;
    inode.flags = be16(bytes, 90);
    inode.flags2 = inode.version == 3 ? be64(bytes, 120) : 0;
    inode.generation = be32(bytes, 92);
    inode.next_unlinked = be32(bytes, 96);

    FileInfo& info = inode.info;
    info = {};
    info.inode = inode.number;
    info.type = file_type_of_mode(mode);
    info.mode = mode & 07777;
    info.uid = be32(bytes, 8);
    info.gid = be32(bytes, 12);
    info.links = inode.version == 1 ? be16(bytes, 6) : be32(bytes, 16);
    info.size = be64(bytes, 56);
    const bool bigtime = inode.flags2 & flag2_bigtime;
    info.accessed = timestamp(be64(bytes, 32), bigtime);
    info.modified = timestamp(be64(bytes, 40), bigtime);
    info.changed = timestamp(be64(bytes, 48), bigtime);
    if (inode.version == 3) info.created = timestamp(be64(bytes, 144), bigtime);
    info.flags = inode.flags | inode.flags2 << 16;
    info.attributes = attributes_of(inode.flags, inode.flags2);
    parse_forks(inode);
    if (info.type == FileType::character || info.type == FileType::block) {
        const uint32_t device = be32(bytes, inode.data.offset); // 14 bits major, 18 minor
        info.major = device >> 18;
        info.minor = device & 0x3ffff;
    }
}

} // namespace kanshiki::xfs
