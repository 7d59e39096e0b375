#include "analyze/filesystem/xfs/xfs_file_system.h"

#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/uuid.h"
#include "analyze/filesystem/xfs/deleted.h"
#include "analyze/filesystem/xfs/notices.h"
#include "analyze/filesystem/xfs/xattr.h"

#include <algorithm>

namespace kanshiki::xfs {
namespace {

constexpr uint64_t longest_symlink = 1024; // XFS_SYMLINK_MAXLEN
constexpr uint64_t largest_file = (uint64_t{1} << 63) - 1;

[[noreturn]] void fail(uint64_t number, const std::string& what) {
    damaged("inode " + std::to_string(number) + ": " + what);
}

bool has_content(const Inode& inode) {
    return inode.info.type == FileType::regular || inode.info.type == FileType::directory ||
           inode.info.type == FileType::symlink || inode.mode_zero;
}

} // namespace

XfsFileSystem::XfsFileSystem(BlockSource& source, Range range, const Superblock& super,
                             std::shared_ptr<const Replayed> log, std::stop_token stop)
    : metadata_(source, range, super, std::move(log), std::move(stop)), inodes_(metadata_, inode_tree, inode_root),
      free_(metadata_, free_space_tree, free_space_root) {
    info_.type = "xfs";
    info_.label = super.label;
    info_.uuid = uuid_text(super.uuid);
    info_.block_size = super.block_size;
    info_.range = metadata_.reader.volume();
    if (super.blocks < info_.range.size / super.block_size) info_.range.size = super.blocks * super.block_size;
    info_.notices = notices(metadata_);
    inode_.number = ~uint64_t{0};
}

const Inode& XfsFileSystem::inode(uint64_t number) {
    if (inode_.number == number && number != ~uint64_t{0}) return inode_; // that marks an empty cache
    const Superblock& super = metadata_.super;
    const auto offset = super.inode_offset(number);
    if (!offset) fail(number, "lies beyond the file system");
    inode_.number = ~uint64_t{0};
    inode_.size = super.inode_size;
    const auto bytes = std::span(inode_.bytes).first(inode_.size);
    metadata_.read(*offset, bytes);
    Inode& found = inode_;
    try {
        found.number = number;
        parse_inode(found);
        if (found.version == 3) {
            if (!checksum_right(bytes, inode_checksum_at) && !metadata_.changed_by_log(*offset, bytes.size()))
                metadata_.warn("XFS inode " + std::to_string(number) + ": has a wrong checksum");
            if (be64(bytes, 152) != number)
                metadata_.warn("XFS inode " + std::to_string(number) + ": says that it is inode " +
                               std::to_string(be64(bytes, 152)));
            if (!std::ranges::equal(bytes.subspan(160, 16), super.metadata_uuid))
                metadata_.warn("XFS inode " + std::to_string(number) + ": carries another file system's UUID");
        }
        if (found.mode_zero) recover(found, metadata_);
    } catch (...) {
        inode_.number = ~uint64_t{0};
        throw;
    }
    return inode_;
}

// "Inode Btrees": a chunk of 64 inodes a record, with a bit for each that is free and one for each four that do not
// exist.
XfsFileSystem::State XfsFileSystem::state(uint64_t number) {
    if (inode_trees_damaged_) return State::allocated;
    const Superblock& super = metadata_.super;
    const auto ag_inode = static_cast<uint32_t>(number & ((uint64_t{1} << super.ag_inode_bits()) - 1));
    try {
        const auto record = inodes_.find(super.ag_of_inode(number), ag_inode);
        if (record.empty() || ag_inode - be32(record, 0) >= 64) return State::absent;
        const unsigned bit = ag_inode - be32(record, 0);
        if (be16(record, 4) >> bit / 4 & 1) return State::absent; // sparse
        return be64(record, 8) >> bit & 1 ? State::free : State::allocated;
    } catch (const Error& error) {
        if (error.code() != ExitCode::never_valid) throw;
        metadata_.warn(std::string(error.what()) + "; whether inodes are free is told from their mode alone");
        inode_trees_damaged_ = true;
        return State::allocated;
    }
}

bool XfsFileSystem::internal(const Inode& inode) const {
    return (inode.flags2 & flag2_metadata) ||
           std::ranges::find(metadata_.super.internal_inodes, inode.number) != metadata_.super.internal_inodes.end();
}

FileInfo XfsFileSystem::stat(uint64_t number) {
    const Inode& found = inode(number);
    FileInfo info = found.info;
    // Without links it was unlinked while it was open: deleted, though a mount has yet to free it.
    info.allocated = !found.mode_zero && info.links != 0 && state(number) == State::allocated;
    // The last unlink sets it; an inode that was written off with its whole chunk still is as before.
    if (!info.allocated && info.links == 0 && info.changed != Timestamp{}) info.deleted = info.changed;
    if (info.type == FileType::symlink) info.symlink_target = symlink_target(found);
    return info;
}

// "Symbolic Links"
std::string XfsFileSystem::symlink_target(const Inode& inode) {
    const uint64_t size = inode.info.size;
    if (size > longest_symlink) fail(inode.number, "a symbolic link of " + std::to_string(size) + " bytes");
    if (inode.data.format == Format::local) {
        const auto area = inode.area(inode.data);
        if (size > area.size()) fail(inode.number, "its symbolic link runs over its end");
        return {reinterpret_cast<const char*>(area.data()), static_cast<size_t>(size)};
    }
    const auto extents = read_extents(inode, inode.data, metadata_);
    return read_pieces(inode, extents, symlink_block, 0, static_cast<size_t>(size), metadata_);
}

const XfsFileSystem::Content& XfsFileSystem::content(uint64_t number) {
    if (content_.number == number && number != ~uint64_t{0}) return content_;
    content_ = {};
    const Inode& found = inode(number);
    if (!has_content(found)) {
        content_.number = number;
        return content_;
    }
    content_.size = found.info.size;
    if (content_.size > largest_file) fail(number, "a size of " + std::to_string(content_.size) + " bytes");
    if (found.info.type == FileType::regular && (found.flags & flag_realtime))
        fail(number, "its content lies on the realtime device, which cannot be read");
    if (found.data.format != Format::local && found.data.format != Format::extents && found.data.format != Format::tree)
        fail(number, "its content is kept in a form that is not known: " +
                         std::to_string(static_cast<unsigned>(found.data.format)));
    if (found.info.type == FileType::symlink) {
        content_.local = true;
        content_.bytes = symlink_target(found);
        content_.size = content_.bytes.size();
    } else if (found.data.format == Format::local) {
        const auto area = found.area(found.data);
        if (content_.size > area.size()) fail(number, "its content in the inode runs over its end");
        content_.local = true;
        content_.bytes.assign(reinterpret_cast<const char*>(area.data()), static_cast<size_t>(content_.size));
    }
    if (found.data.format != Format::local)
        content_.extents = to_file_extents(read_extents(found, found.data, metadata_));
    content_.number = number;
    return content_;
}

std::vector<FileSystem::FileExtent> XfsFileSystem::to_file_extents(const std::vector<Extent>& extents) const {
    const unsigned log = metadata_.super.block_log;
    std::vector<FileExtent> result;
    result.reserve(extents.size());
    for (const Extent& each : extents) {
        if (each.end() > largest_file >> log) continue; // no file reaches there
        const uint64_t place = info_.range.offset + metadata_.place_of(each.block, each.count);
        result.push_back({each.logical << log, {place, each.count << log}, each.unwritten});
    }
    return result;
}

std::vector<FileSystem::FileExtent> XfsFileSystem::extents(uint64_t number) { return content(number).extents; }

size_t XfsFileSystem::read(uint64_t number, uint64_t offset, std::span<std::byte> into) {
    const Content& found = content(number);
    if (offset >= found.size || into.empty()) return 0;
    into = into.first(static_cast<size_t>(std::min<uint64_t>(into.size(), found.size - offset)));
    if (found.local) {
        std::ranges::copy(std::as_bytes(std::span(found.bytes)).subspan(static_cast<size_t>(offset), into.size()),
                          into.begin());
        return into.size();
    }
    const uint64_t end = offset + into.size();
    uint64_t next = offset; // up to here `into` is filled
    const auto zeros_to = [&](uint64_t to) {
        std::ranges::fill(into.subspan(static_cast<size_t>(next - offset), static_cast<size_t>(to - next)),
                          std::byte{0});
        next = to;
    };
    auto extent = std::ranges::upper_bound(found.extents, offset, {}, &FileExtent::logical);
    if (extent != found.extents.begin()) --extent;
    for (; extent != found.extents.end() && extent->logical < end; ++extent) {
        const uint64_t from = std::max(offset, extent->logical);
        const uint64_t to = std::min(end, extent->logical + extent->range.size);
        if (from >= to || extent->sparse) continue;
        zeros_to(from);
        const uint64_t place = extent->range.offset - info_.range.offset + (from - extent->logical);
        metadata_.reader.read_through(place,
                                      into.subspan(static_cast<size_t>(from - offset), static_cast<size_t>(to - from)));
        next = to;
    }
    zeros_to(end);
    return into.size();
}

void XfsFileSystem::xattrs(uint64_t number, const std::function<void(const Xattr&)>& attribute) {
    const Inode found = inode(number); // a copy: the caller may ask for others meanwhile
    if (!found.mode_zero) read_xattrs(found, metadata_, attribute);
}

void XfsFileSystem::list(uint64_t directory, const std::function<void(const DirectoryEntry&)>& entry) {
    const Inode found = inode(directory); // a copy, as above
    if (found.info.type != FileType::directory) fail(directory, "is no directory");
    const bool gone = found.mode_zero || state(directory) != State::allocated;
    // What lies behind the end of the forks may be an older state of names that are still there.
    StaleNames stale(found, metadata_.super);
    const auto give = [&](const Name& name) {
        DirectoryEntry each{std::string(name.name), name.inode, name.type, name.deleted || gone};
        if (!plain_name(each.name)) {
            metadata_.warn("XFS inode " + std::to_string(directory) + ": a name in it holds '/' or NUL");
            std::ranges::replace_if(
                each.name, [](char letter) { return letter == '/' || letter == '\0'; }, '_');
        }
        if (each.deleted) judge_deleted(name, found, each);
        stale.seen(name);
        entry(each);
    };
    std::exception_ptr failure;
    try {
        read_directory(found, metadata_, gone, give);
    } catch (const Error& error) {
        if (error.code() != ExitCode::never_valid) throw;
        failure = std::current_exception();
    }
    for (const Name& name : stale.rest()) give(name);
    if (failure) std::rethrow_exception(failure);
}

void XfsFileSystem::free_space(const std::function<void(const Range&)>& range) {
    const Superblock& super = metadata_.super;
    std::exception_ptr failure;
    for (uint32_t ag = 0; ag < super.ag_count; ag++) {
        try {
            uint64_t next = 0; // block of the group
            walk_tree(metadata_, free_space_tree, ag, free_space_root(metadata_, ag), [&](auto record) {
                const uint64_t start = be32(record, 0), count = be32(record, 4);
                if (start < next || count == 0 || start + count > super.ag_length(ag))
                    damaged("allocation group " + std::to_string(ag) + ": free space of " + std::to_string(count) +
                            " blocks at block " + std::to_string(start) + " is out of order or beyond its end");
                next = start + count;
                const uint64_t place = *super.ag_block_offset(ag, start), size = count << super.block_log;
                if (place >= info_.range.size) return; // the volume is cut short
                range({info_.range.offset + place, std::min(size, info_.range.size - place)});
            });
        } catch (const Error& error) {
            if (error.code() != ExitCode::never_valid) throw;
            if (!failure) failure = std::current_exception();
        }
    }
    if (failure) std::rethrow_exception(failure);
}

} // namespace kanshiki::xfs
