#include "analyze/filesystem/xfs/deleted.h"

#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/xfs/xfs_file_system.h"

#include <algorithm>

namespace kanshiki::xfs {
namespace {

constexpr uint32_t tree_v4 = 0x424d4150, tree_v5 = 0x424d4133; // "BMAP", "BMA3"
constexpr uint32_t directory_magics[] = {0x58443242, 0x58444233, 0x58443244, 0x58444433};
constexpr uint32_t symlink_magic = 0x58534c4d; // "XSLM"

// Every look at a deleted name may walk such a tree; a forged one that many share must not be walked for ever.
constexpr size_t most_tree_blocks = 4096;

// How much of the fork the root of an extent tree took: its first child still is a block of this inode's tree. Where
// the pointers begin depends on where the attributes began, which a freed inode no longer says: every place is tried.
std::optional<size_t> tree_root_size(const Inode& inode, Metadata& metadata) {
    const auto area = inode.area(inode.data);
    const unsigned level = be16(area, 0), count = be16(area, 2);
    if (level == 0 || level > 8 || count == 0) return std::nullopt;
    const bool v5 = metadata.super.checksums();
    for (size_t room = count; 4 + room * 16 <= area.size(); room++) {
        const auto offset = metadata.super.block_offset(be64(area, 4 + room * 8));
        std::array<std::byte, 72> header{};
        if (!offset || *offset == 0 || *offset + header.size() > metadata.reader.size()) continue;
        metadata.read(*offset, header, false);
        if (be32(header, 0) == (v5 ? tree_v5 : tree_v4) && be16(header, 4) == level - 1 &&
            (!v5 || be64(header, 56) == inode.number))
            return 4 + room * 16;
    }
    return std::nullopt;
}

// An empty short-form directory (no other can be removed), with names behind its end.
bool has_short_directory(const Inode& inode, const Superblock& super) {
    const auto area = inode.area(inode.data);
    if (area.size() < 10 || be16(area, 0) != 0 || be32(area, 2) == 0 || !super.inode_offset(be32(area, 2)))
        return false;
    bool any = false;
    carve_short_names(area.subspan(6), 4, super, [&](const Name&) { any = true; });
    return any;
}

uint64_t count_extents(const Inode& inode, const Superblock& super) {
    const auto area = inode.area(inode.data);
    uint64_t count = 0, next = 0;
    for (; (count + 1) * extent_record_size <= area.size(); count++) {
        const Extent extent = parse_extent(area.subspan(count * extent_record_size));
        if (!possible(extent, super) || extent.logical < next) break;
        next = extent.end();
    }
    return count;
}

// Of a directory, without its index.
uint64_t size_of_names(const std::vector<Extent>& extents, const Superblock& super) {
    uint64_t end = 0;
    for (const Extent& each : extents)
        if (each.logical < directory_index_begins >> super.block_log) end = each.end();
    return end << super.block_log;
}

// From the first block of what it had: a directory and (since version 5) a symbolic link name themselves.
void recover_type(Inode& inode, const std::vector<Extent>& extents, Metadata& metadata) {
    inode.info.type = FileType::regular;
    inode.info.size = extents.back().end() << metadata.super.block_log;
    if (inode.info.size >> metadata.super.block_log != extents.back().end()) damaged("extents past 2^64");
    std::array<std::byte, 12> begin{};
    const uint64_t place = metadata.place_of(extents.front().block);
    if (extents.front().logical != 0 || place + begin.size() > metadata.reader.size()) return;
    metadata.read(place, begin);
    const uint32_t magic = be32(begin, 0);
    if (std::ranges::find(directory_magics, magic) != std::end(directory_magics)) {
        inode.info.type = FileType::directory;
        inode.info.size = size_of_names(extents, metadata.super);
    }
    if (magic == symlink_magic && be32(begin, 4) == 0) {
        inode.info.type = FileType::symlink;
        inode.info.size = be32(begin, 8);
    }
}

std::span<const std::byte> unused(const Inode& directory) {
    if (directory.info.type != FileType::directory) return {};
    const auto area = directory.area(directory.data);
    if (directory.data.format == Format::local)
        return area.subspan(static_cast<size_t>(std::min<uint64_t>(area.size(), directory.info.size)));
    if (directory.data.format != Format::extents) return {};
    return area.subspan(static_cast<size_t>(std::min<uint64_t>(area.size() / 16, directory.data.extents)) * 16);
}

} // namespace

void recover(Inode& inode, Metadata& metadata) {
    const Superblock& super = metadata.super;
    inode.data.format = Format::extents;
    inode.data.extents = 0;
    try {
        if (const auto root = tree_root_size(inode, metadata)) {
            const Fork fork{Format::tree, inode.data.offset, *root, 0, false};
            const auto extents = read_extents(inode, fork, metadata, most_tree_blocks);
            if (extents.empty()) return;
            inode.data = fork;
            recover_type(inode, extents, metadata);
        } else if (has_short_directory(inode, super)) {
            inode.data.format = Format::local;
            inode.info.type = FileType::directory;
            inode.info.size = 6;
        } else if ((inode.data.extents = count_extents(inode, super)) != 0) {
            recover_type(inode, read_extents(inode, inode.data, metadata), metadata);
        }
    } catch (const Error& error) { // what is left of it need not make sense
        if (error.code() != ExitCode::never_valid) throw;
        inode.data.format = Format::extents;
        inode.data.extents = 0;
        inode.info.type = FileType::unknown;
        inode.info.size = 0;
    }
}

StaleNames::StaleNames(const Inode& directory, const Superblock& super) {
    const auto area = unused(directory);
    area_.assign(reinterpret_cast<const char*>(area.data()), area.size());
    const bool wide = directory.data.format == Format::local
                          ? directory.bytes[directory.data.offset + 1] != std::byte{0} // its count of wide numbers
                          : super.inode_number(super.ag_count - 1, 0) >> 32 != 0;
    carve_short_names(std::as_bytes(std::span(area_)), wide ? 8 : 4, super, [&](const Name& name) {
        seen(name); // the same name may have been left twice
        names_.push_back(name);
    });
}

void StaleNames::seen(const Name& name) {
    std::erase_if(names_, [&](const Name& each) { return each.name == name.name && each.inode == name.inode; });
}

void XfsFileSystem::judge_deleted(const Name& name, const Inode& directory, DirectoryEntry& entry) {
    const Superblock& super = metadata_.super;
    // The upper half of a number that was written over: 0 where none is that large, else as the directory's own, since
    // files are made in their directory's allocation group.
    const bool wide = super.inode_number(super.ag_count - 1, 0) >> 32 != 0;
    if (name.inode_cut && wide) entry.inode |= directory.number >> 32 << 32;
    entry.certainty = Certainty::possible;
    try {
        if (!super.inode_offset(entry.inode) || internal(inode(entry.inode))) {
            entry.inode = 0;
            return;
        }
        const Inode& found = inode(entry.inode);
        // In use: of another file by now, or of this one under another name. Without links it was open to the end.
        const bool in_use = !found.mode_zero && state(entry.inode) == State::allocated;
        if (in_use && found.info.links != 0) return;
        if (found.info.type != FileType::unknown && name.type != FileType::unknown && found.info.type != name.type)
            return;
        if (name.inode_cut && wide) return;
        // It was made after the directory was changed for the last time, so the name is of an earlier use of the inode.
        if (found.info.created && *found.info.created > directory.info.changed.value_or(Timestamp{})) return;
        if (in_use || blocks_free(found)) entry.certainty = Certainty::likely;
    } catch (const Error& error) {
        if (error.code() != ExitCode::never_valid) throw;
        entry.inode = 0; // no inode is there any more
    }
}

// All that its extents cover is free; false where that cannot be told.
bool XfsFileSystem::blocks_free(const Inode& inode) {
    if (inode.data.format == Format::local) return true;
    const Superblock& super = metadata_.super;
    try {
        for (const Extent& each : read_extents(inode, inode.data, metadata_, most_tree_blocks)) {
            const auto ag = static_cast<uint32_t>(each.block >> super.ag_blocks_log);
            const auto block = static_cast<uint32_t>(each.block & ((uint64_t{1} << super.ag_blocks_log) - 1));
            const auto record = free_.find(ag, block);
            if (record.empty() || uint64_t{be32(record, 0)} + be32(record, 4) < block + each.count) return false;
        }
        return true;
    } catch (const Error& error) {
        if (error.code() != ExitCode::never_valid) throw;
        return false;
    }
}

void XfsFileSystem::orphans(const std::function<bool(uint64_t)>& named,
                            const std::function<void(const DirectoryEntry&)>& entry) {
    std::exception_ptr failure;
    for (uint32_t ag = 0; ag < metadata_.super.ag_count; ag++) {
        try {
            orphans_of(ag, named, entry);
        } catch (const Error& error) {
            if (error.code() != ExitCode::never_valid) throw;
            if (!failure) failure = std::current_exception();
        }
    }
    if (failure) std::rethrow_exception(failure);
}

void XfsFileSystem::orphans_of(uint32_t ag, const std::function<bool(uint64_t)>& named,
                               const std::function<void(const DirectoryEntry&)>& entry) {
    std::exception_ptr failure;
    const auto candidate = [&](uint64_t number, bool free) {
        if (named(number)) return;
        const Inode& found = inode(number);
        if (internal(found) || (found.mode_zero && found.info.type == FileType::unknown)) return;
        DirectoryEntry each{"OrphanFile-" + std::to_string(number), number, found.info.type, true};
        if (free) {
            each.certainty = blocks_free(found) ? Certainty::likely : Certainty::possible;
        } // else still whole: unlinked while it was open, or its directory is lost
        entry(each);
    };
    walk_tree(metadata_, inode_tree, ag, inode_root(metadata_, ag), [&](auto record) {
        const uint32_t first = be32(record, 0);
        const unsigned holes = be16(record, 4);
        const uint64_t free = be64(record, 8);
        for (unsigned bit = 0; bit < 64; bit++) {
            if (holes >> bit / 4 & 1) continue;
            try {
                candidate(metadata_.super.inode_number(ag, first + bit), free >> bit & 1);
            } catch (const Error& error) {
                if (error.code() != ExitCode::never_valid) throw;
                if (!failure) failure = std::current_exception();
            }
        }
    });
    if (failure) std::rethrow_exception(failure);
}

} // namespace kanshiki::xfs
