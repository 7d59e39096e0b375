#include "analyze/filesystem/btrfs/btrfs_file_system.h"

#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki::btrfs {
namespace {

constexpr uint64_t longest_symlink = 64 * 1024, empty_subvolume = 2; // BTRFS_EMPTY_SUBVOL_DIR_OBJECTID

std::string name_of(const Handle& handle) {
    std::string out = "btrfs inode " + std::to_string(handle.objectid) + " of subvolume " + std::to_string(handle.tree);
    return handle.commit == 0 ? out : out + " (backup root " + std::to_string(handle.commit - 1) + ")";
}

[[noreturn]] void fail(const Handle& handle, const std::string& what) {
    throw Error(ExitCode::never_valid, name_of(handle) + ": " + what);
}

} // namespace

std::string safe_name(std::string_view stored) {
    std::string name(stored);
    std::ranges::replace(name, '/', '_');
    std::ranges::replace(name, '\0', '_');
    if (name.empty() || name == "." || name == "..") name = "_" + name;
    return name;
}

BtrfsFileSystem::Found BtrfsFileSystem::find(const Handle& handle) {
    if (handle.commit > super_.backups.size()) fail(handle, "there is no such commit");
    Found out;
    out.subvolume = commits_.subvolume(handle.commit, handle.tree);
    const auto item = trees_.find(out.subvolume.tree, {handle.objectid, type::inode_item, 0});
    if (!item) fail(handle, "there is no such inode");
    try {
        out.inode = parse_inode(item->data);
    } catch (const Error& error) {
        fail(handle, error.what());
    }
    out.inode.info.inode = handle.objectid;
    out.inode.info.allocated = handle.commit == 0 && !out.subvolume.deleted && out.inode.info.links > 0;
    return out;
}

FileContent::File BtrfsFileSystem::file(const Handle& handle, const Found& found) {
    const FileInfo& info = found.inode.info;
    const Tree* checksums = info.flags & flag_no_checksums ? nullptr : commits_.checksums(handle.commit);
    return {found.subvolume.tree, checksums, handle.objectid, info.size, name_of(handle)};
}

FileInfo BtrfsFileSystem::stat(uint64_t inode) {
    const Handle handle = unpack(inode);
    if (handle.commit == stale) return stat_stale(handle);
    Found found = find(handle);
    FileInfo& info = found.inode.info;
    if (info.type != FileType::symlink) return info;
    if (info.size > longest_symlink) fail(handle, "a symbolic link of " + std::to_string(info.size) + " bytes");
    info.symlink_target.resize(info.size);
    content_.read(file(handle, found), 0, std::as_writable_bytes(std::span(info.symlink_target)));
    return info;
}

// The kernel makes up the inode: owner and access time of the folder above it, the other times those of the moment.
FileInfo BtrfsFileSystem::stat_stale(const Handle& handle) {
    const FileInfo above = find({0, handle.tree, handle.objectid >> stale_index_bits}).inode.info;
    FileInfo info;
    info.inode = empty_subvolume;
    info.type = FileType::directory;
    info.mode = 0755;
    info.uid = above.uid;
    info.gid = above.gid;
    info.links = 1;
    info.accessed = above.accessed;
    return info;
}

// Where an entry leads; nothing when no handle can hold it.
std::optional<Handle> BtrfsFileSystem::target(const Handle& directory, const DirectoryItem& item, uint64_t index) {
    const Key& location = item.location;
    if (location.type == type::inode_item) return Handle{directory.commit, directory.tree, location.objectid};
    if (location.type != type::root_item) return {};
    if (commits_.hangs(directory.commit, directory.tree, location.objectid, directory.objectid, item.name))
        return Handle{directory.commit, location.objectid,
                      commits_.subvolume(directory.commit, location.objectid).directory};
    if (index >> stale_index_bits || directory.objectid >> (objectid_bits - stale_index_bits)) return {};
    return Handle{stale, directory.tree, directory.objectid << stale_index_bits | index};
}

void BtrfsFileSystem::give_entry(const Handle& directory, const Subvolume& subvolume, const DirectoryItem& item,
                                 uint64_t index, const std::function<void(const DirectoryEntry&)>& entry) {
    DirectoryEntry out;
    out.name = safe_name(item.name);
    out.type = item.type;
    out.deleted = directory.commit != 0 || subvolume.deleted;
    if (out.deleted) out.certainty = Certainty::likely;
    if (out.name.starts_with('_') && !item.name.starts_with('_') && item.name.find('/') != 0)
        warnings_.add(name_of(directory) + ": names an entry \"" + std::string(item.name) + "\"");
    const auto leads = target(directory, item, index);
    const auto packed = leads ? pack(*leads) : std::nullopt;
    if (packed)
        out.inode = *packed;
    else
        warnings_.add(name_of(directory) + ": " + out.name + " leads to " + text(item.location) +
                      ", which is not read");
    entry(out);
}

// Every name of one kind that an inode has; what was wrong with any of them.
std::optional<std::string>
BtrfsFileSystem::scan_names(const Tree& tree, uint64_t objectid, uint8_t kind,
                            const std::function<void(const DirectoryItem&, uint64_t index)>& each) {
    std::optional<std::string> damage;
    const auto note = [&](const Error& error) {
        if (error.code() != ExitCode::never_valid) throw error;
        if (!damage) damage = error.what();
    };
    try {
        trees_.scan(tree, {objectid, kind, 0}, {objectid, kind, last_offset}, [&](const Item& item) {
            try {
                parse_directory_items(item.data, [&](const DirectoryItem& name) { each(name, item.key.offset); });
            } catch (const Error& error) {
                note(error);
            }
            return true;
        });
    } catch (const Error& error) {
        note(error);
    }
    return damage;
}

void BtrfsFileSystem::list(uint64_t inode, const std::function<void(const DirectoryEntry&)>& entry) {
    const Handle handle = unpack(inode);
    if (handle.commit == stale) return;
    const Found found = find(handle);
    if (found.inode.info.type != FileType::directory) fail(handle, "is no directory");
    // The order of DIR_INDEX is readdir's; DIR_ITEM has the same names by their hash.
    const auto damage = scan_names(
        found.subvolume.tree, handle.objectid, type::dir_index,
        [&](const DirectoryItem& each, uint64_t index) { give_entry(handle, found.subvolume, each, index, entry); });
    if (damage) fail(handle, "its names: " + *damage);
}

std::vector<FileSystem::FileExtent> BtrfsFileSystem::extents(uint64_t inode) {
    const Handle handle = unpack(inode);
    if (handle.commit == stale) return {};
    const Found found = find(handle);
    if (found.inode.info.type != FileType::regular && found.inode.info.type != FileType::symlink) return {};
    return content_.extents(file(handle, found), info_.range.offset);
}

size_t BtrfsFileSystem::read(uint64_t inode, uint64_t offset, std::span<std::byte> into) {
    const Handle handle = unpack(inode);
    if (handle.commit == stale) return 0;
    const Found found = find(handle);
    const FileInfo& info = found.inode.info;
    if ((info.type != FileType::regular && info.type != FileType::symlink) || offset >= info.size) return 0;
    into = into.first(std::min<uint64_t>(into.size(), info.size - offset));
    content_.read(file(handle, found), offset, into);
    return into.size();
}

void BtrfsFileSystem::xattrs(uint64_t inode, const std::function<void(const Xattr&)>& attribute) {
    const Handle handle = unpack(inode);
    if (handle.commit == stale) return;
    const Found found = find(handle);
    const auto damage =
        scan_names(found.subvolume.tree, handle.objectid, type::xattr_item, [&](const DirectoryItem& each, uint64_t) {
            attribute({std::string(each.name), std::string(each.data)});
        });
    if (damage) fail(handle, "its extended attributes: " + *damage);
}

} // namespace kanshiki::btrfs
