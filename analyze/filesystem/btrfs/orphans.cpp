// Files that no directory names any more: unlinked while open (ORPHAN_ITEM), subvolumes about to be removed, and what
// the commits before the current one held.

#include "analyze/filesystem/btrfs/btrfs_file_system.h"
#include "analyze/filesystem/btrfs/older_commit.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <set>

namespace kanshiki::btrfs {
namespace {

std::string orphan_name(uint64_t subvolume, uint64_t inode, const std::string& name) {
    std::string out = "OrphanFile-" + std::to_string(subvolume) + "-" + std::to_string(inode);
    return name.empty() ? out : out + "-" + name;
}

} // namespace

// Of an older commit as many as are still there.
std::vector<uint64_t> BtrfsFileSystem::subvolumes(uint8_t commit) {
    std::vector<uint64_t> out;
    try {
        trees_.scan(commits_.root_tree(commit), {id::fs_tree, 0, 0}, {id::last_free, 255, last_offset},
                    [&](const Item& item) {
                        if (item.key.type == type::root_item && is_subvolume(item.key.objectid))
                            out.push_back(item.key.objectid);
                        return true;
                    });
    } catch (const Error& error) {
        if (error.code() != ExitCode::never_valid || commit == 0) throw;
    }
    return out;
}

void BtrfsFileSystem::orphaned_inodes(const Subvolume& subvolume, const std::function<bool(uint64_t)>& named,
                                      const std::function<void(const DirectoryEntry&)>& entry) {
    trees_.scan(subvolume.tree, {id::orphan, type::orphan_item, 0}, {id::orphan, type::orphan_item, last_offset},
                [&](const Item& item) {
                    const Handle handle{0, subvolume.tree.id, item.key.offset};
                    const auto packed = pack(handle);
                    if (!packed || named(*packed)) return true;
                    const auto inode = trees_.find(subvolume.tree, {handle.objectid, type::inode_item, 0});
                    if (!inode) return true; // its removal was complete but for this mark
                    entry({orphan_name(handle.tree, handle.objectid, ""), *packed, parse_inode(inode->data).info.type,
                           true, Certainty::certain});
                    return true;
                });
}

void BtrfsFileSystem::orphans(const std::function<bool(uint64_t)>& named,
                              const std::function<void(const DirectoryEntry&)>& entry) {
    for (const uint64_t number : subvolumes(0)) {
        const Subvolume subvolume = commits_.subvolume(0, number);
        if (!subvolume.deleted) {
            orphaned_inodes(subvolume, named, entry);
            continue;
        }
        const auto packed = pack({0, number, subvolume.directory});
        if (packed && !named(*packed))
            entry({"OrphanSubvolume-" + std::to_string(number), *packed, FileType::directory, true, Certainty::likely});
    }
    older_commits(entry);
}

// Of the last four commits, the newest that has a file stands for it. What of them has been overwritten since is no
// damage, and not told.
void BtrfsFileSystem::older_commits(const std::function<void(const DirectoryEntry&)>& entry) {
    std::vector<uint8_t> order;
    for (unsigned commit = 1; commit <= super_.backups.size(); commit++)
        if (const TreeRoot& root = super_.backups[commit - 1].tree_root;
            root.node != 0 && root.node != commits_.root_tree(0).root.node)
            order.push_back(static_cast<uint8_t>(commit));
    std::ranges::sort(order, std::greater{},
                      [&](uint8_t commit) { return super_.backups[commit - 1].tree_root.generation; });
    Warnings unheard;
    DataReader data(*reader_, super_, chunks_, trees_, unheard);
    FileContent content(super_, chunks_, trees_, data, unheard);
    OlderCommitBudget budget;
    std::set<std::pair<uint64_t, uint64_t>> told;
    bool complete = true;
    const std::vector<Bad> before = data_.take_unreadable(); // of what was read for the caller, not of old places
    for (const uint8_t commit : order) {
        OlderCommit older(commit, trees_, commits_, content, budget);
        const auto one = [&](uint64_t number) {
            const Subvolume then = commits_.subvolume(commit, number);
            const auto now = commits_.find(0, number);
            if (!now && then.deleted) return;
            if (!now) {
                const auto packed = pack({commit, number, then.directory});
                if (packed && told.emplace(number, 0).second)
                    entry({"OrphanSubvolume-" + std::to_string(number), *packed, FileType::directory, true,
                           Certainty::likely});
                return;
            }
            complete &= older.compare(then, now, [&](const OlderCommit::Lost& lost) {
                const auto packed = pack({commit, number, lost.objectid});
                if (packed && told.emplace(number, lost.objectid).second)
                    entry({safe_name(orphan_name(number, lost.objectid, lost.name)), *packed, lost.info.type, true,
                           lost.certainty});
            });
        };
        for (const uint64_t number : subvolumes(commit)) {
            try {
                one(number);
            } catch (const Error& error) {
                if (error.code() != ExitCode::never_valid) throw;
            }
        }
    }
    data.take_unreadable();
    data_.give_unreadable(before);
    if (!complete) warnings_.add("btrfs: the older commits are looked at only in part: there is too much in them");
}

} // namespace kanshiki::btrfs
