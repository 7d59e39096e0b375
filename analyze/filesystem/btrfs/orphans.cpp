// Files that no directory names any more: unlinked while open (ORPHAN_ITEM), subvolumes about to be removed.

#include "analyze/filesystem/btrfs/btrfs_file_system.h"

#include "kanshiki/error.h"

namespace kanshiki::btrfs {

void BtrfsFileSystem::orphaned_inodes(const Subvolume& subvolume, const std::function<bool(uint64_t)>& named,
                                      const std::function<void(const DirectoryEntry&)>& entry) {
    trees_.scan(subvolume.tree, {id::orphan, type::orphan_item, 0}, {id::orphan, type::orphan_item, last_offset},
                [&](const Item& item) {
                    const Handle handle{0, subvolume.tree.id, item.key.offset};
                    const auto packed = pack(handle);
                    if (!packed || named(*packed)) return true;
                    const auto inode = trees_.find(subvolume.tree, {handle.objectid, type::inode_item, 0});
                    if (!inode) return true; // its removal was complete but for this mark
                    entry({"OrphanFile-" + std::to_string(handle.tree) + "-" + std::to_string(handle.objectid), *packed,
                           parse_inode(inode->data).info.type, true, Certainty::certain});
                    return true;
                });
}

void BtrfsFileSystem::orphans(const std::function<bool(uint64_t)>& named,
                              const std::function<void(const DirectoryEntry&)>& entry) {
    std::vector<uint64_t> subvolumes;
    trees_.scan(commits_.root_tree(0), {id::fs_tree, 0, 0}, {id::last_free, 255, last_offset}, [&](const Item& item) {
        if (item.key.type == type::root_item && is_subvolume(item.key.objectid))
            subvolumes.push_back(item.key.objectid);
        return true;
    });
    for (const uint64_t number : subvolumes) {
        const Subvolume subvolume = commits_.subvolume(0, number);
        if (!subvolume.deleted) {
            orphaned_inodes(subvolume, named, entry);
            continue;
        }
        const auto packed = pack({0, number, subvolume.directory});
        if (packed && !named(*packed))
            entry({"OrphanSubvolume-" + std::to_string(number), *packed, FileType::directory, true, Certainty::likely});
    }
}

} // namespace kanshiki::btrfs
