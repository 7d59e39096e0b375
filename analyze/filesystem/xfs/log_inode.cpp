// Inode items: the core as in memory, the forks as on disk.

#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/xfs/inode.h"
#include "analyze/filesystem/xfs/log_items.h"

#include <algorithm>

namespace kanshiki::xfs {
namespace {

constexpr uint32_t has_data = 0x2, has_extents = 0x4, has_root = 0x8, has_device = 0x10; // ilf_fields
constexpr uint32_t has_attribute_data = 0x40, has_attribute_extents = 0x80, has_attribute_root = 0x100;
constexpr uint32_t data_fork = has_data | has_extents | has_root;
constexpr uint32_t attribute_fork = has_attribute_data | has_attribute_extents | has_attribute_root;
constexpr size_t format_size = 56, format_size_32 = 52;
constexpr uint64_t bigtime = 0x8;

void swap_field(std::span<const std::byte> from, std::span<std::byte> to, size_t at, size_t size) {
    std::reverse_copy(from.begin() + static_cast<std::ptrdiff_t>(at),
                      from.begin() + static_cast<std::ptrdiff_t>(at + size),
                      to.begin() + static_cast<std::ptrdiff_t>(at));
}

void copy_field(std::span<const std::byte> from, std::span<std::byte> to, size_t at, size_t size) {
    std::ranges::copy(from.subspan(at, size), to.begin() + static_cast<std::ptrdiff_t>(at));
}

struct Span {
    size_t at, size;
};
// Not in it: magic and what follows it in one byte, di_next_unlinked (96), di_crc (100), di_lsn (112), di_uuid (160).
constexpr Span core_fields[] = {{0, 2},  {2, 2},  {6, 2},  {8, 4},  {12, 4}, {16, 4}, {20, 2}, {22, 2},
                                {56, 8}, {64, 8}, {72, 4}, {84, 4}, {88, 2}, {90, 2}, {92, 4}};
constexpr Span core_fields_v3[] = {{104, 8}, {120, 8}, {128, 4}, {152, 8}};

} // namespace

void apply_inode_core(std::span<const std::byte> core, uint64_t lsn, std::span<std::byte> inode) {
    if (core.size() < 96 || le16(core, 0) != inode_magic) damaged("log: an inode item without an inode");
    const unsigned version = std::to_integer<unsigned>(core[4]);
    const size_t size = version == 3 ? core_size_v3 : 96;
    if (core.size() < size || inode.size() < size) damaged("log: an inode item that is cut short");
    for (const Span& each : core_fields) swap_field(core, inode, each.at, each.size);
    copy_field(core, inode, 4, 2);
    copy_field(core, inode, 82, 2);
    const uint64_t flags2 = version == 3 ? le64(core, 120) : 0;
    const auto time = [&](size_t at) {
        if (flags2 & bigtime) return swap_field(core, inode, at, 8);
        swap_field(core, inode, at, 4); // two fields of 32 bits
        swap_field(core, inode, at + 4, 4);
    };
    for (const size_t at : {size_t{32}, size_t{40}, size_t{48}}) time(at);
    if (flags2 & flag2_large_counts) {
        swap_field(core, inode, 24, 8);
        swap_field(core, inode, 76, 4);
        swap_field(core, inode, 80, 2);
    } else {
        std::fill_n(inode.begin() + 24, 8, std::byte{0}); // padding, and a counter of flushes that means nothing here
        swap_field(core, inode, 76, 4);
        swap_field(core, inode, 80, 2);
    }
    if (version != 3) return;
    for (const Span& each : core_fields_v3) swap_field(core, inode, each.at, each.size);
    time(144);
    copy_field(core, inode, 160, 16);
    for (size_t index = 0; index < 8; index++) inode[112 + index] = static_cast<std::byte>(lsn >> 8 * (7 - index));
}

void apply_tree_root(std::span<const std::byte> root, bool v5, std::span<std::byte> fork) {
    const size_t header = v5 ? 72 : 24;
    if (root.size() < header || fork.size() < 4) damaged("log: a tree's root that is cut short");
    const size_t count = be16(root, 6), room = (root.size() - header) / 16, fork_room = (fork.size() - 4) / 16;
    if (count > room || count > fork_room) damaged("log: a tree's root of " + std::to_string(count) + " children");
    std::ranges::copy(root.subspan(4, 4), fork.begin()); // level and count
    std::ranges::copy(root.subspan(header, count * 8), fork.begin() + 4);
    std::ranges::copy(root.subspan(header + room * 8, count * 8),
                      fork.begin() + static_cast<std::ptrdiff_t>(4 + fork_room * 8));
}

void LogItems::apply_inode(const LogItem& item, uint64_t lsn) {
    const auto& format = item.regions[0];
    if ((format.size() != format_size && format.size() != format_size_32) || item.regions.size() < 2)
        damaged("log: an inode item of an unknown form");
    const size_t rest = format.size() == format_size ? 16 : 12; // of what follows the sizes
    const uint32_t fields = le32(format, 4);
    const uint64_t place = le64(format, rest + 24);
    const uint32_t blocks = le32(format, rest + 32), inside = le32(format, rest + 36);
    if (cancelled(place, blocks)) return;
    const uint64_t offset = place * Overlay::sector + inside;
    const size_t size = super_.inode_size;
    if (place > reader_.size() / Overlay::sector || inside % size != 0 ||
        inside >= uint64_t{blocks} * Overlay::sector || offset > reader_.size() || size > reader_.size() - offset)
        damaged("log: an inode item for a place beyond the volume");

    // The inode's sectors; of inodes of 256 bytes two share one.
    const size_t before = offset % Overlay::sector;
    const size_t whole = (before + size + Overlay::sector - 1) / Overlay::sector * Overlay::sector;
    std::vector<std::byte> bytes = load((offset - before) / Overlay::sector, whole);
    const auto inode = std::span(bytes).subspan(before, size);
    if (be16(inode, 0) != inode_magic) damaged("log: an inode item for a place where no inode is");
    if (super_.checksums() && be64(inode, 112) != 0 && be64(inode, 112) != ~uint64_t{0} && be64(inode, 112) > lsn)
        return;
    apply_inode_core(item.regions[1], lsn, inode);
    const size_t core = std::to_integer<unsigned>(inode[4]) == 3 ? core_size_v3 : core_size_v2;
    const size_t fork_offset = std::to_integer<size_t>(inode[82]) * 8, literal = size - core;
    if (fork_offset >= literal) damaged("log: an inode item whose attributes begin beyond it");
    const auto data = inode.subspan(core, fork_offset == 0 ? literal : fork_offset);
    const auto attributes = inode.subspan(core + fork_offset, fork_offset == 0 ? 0 : literal - fork_offset);
    if (fields & has_device)
        for (size_t index = 0; index < 4; index++) data[index] = format[rest + 8 + 3 - index];
    size_t next = 2;
    const auto fork = [&](bool logged, bool root, std::span<std::byte> into) {
        if (!logged || next >= item.regions.size()) return;
        const auto& region = item.regions[next++];
        if (root) return apply_tree_root(region, super_.checksums(), into);
        if (region.size() > into.size()) damaged("log: an inode item whose fork runs over its end");
        std::ranges::copy(region, into.begin());
    };
    fork(fields & data_fork, fields & has_root, data);
    fork(fields & attribute_fork, fields & has_attribute_root, attributes);
    store((offset - before) / Overlay::sector, bytes);
    applied_++;
}

} // namespace kanshiki::xfs
