#pragma once
// The trees of the current commit, and of those before it that the superblock still remembers: found by their number.

#include "analyze/filesystem/btrfs/items.h"
#include "analyze/filesystem/btrfs/tree_reader.h"

namespace kanshiki::btrfs {

struct Subvolume {
    Tree tree;
    uint64_t directory = 0; // inode of its root directory
    bool deleted = false;   // no name, and about to be removed
};

class Commits {
public:
    Commits(const Superblock& super, TreeReader& trees) : super_(super), trees_(trees) {}

    // The tree of trees. commit: 0, or 1 to 4 for the superblock's backups.
    Tree root_tree(uint8_t commit) const;
    // Uses the newest backup instead of the current commit: of a file system whose root tree is damaged.
    void fall_back(uint8_t commit);
    uint8_t current() const { return current_; }

    // Throws Error{never_valid} when there is no such tree.
    Subvolume subvolume(uint8_t commit, uint64_t tree);
    std::optional<Subvolume> find(uint8_t commit, uint64_t tree);
    // The checksums of data: of an old commit those of that time.
    const Tree* checksums(uint8_t commit);
    // Whether `directory` of `parent` is where the subvolume hangs, under that name.
    bool hangs(uint8_t commit, uint64_t parent, uint64_t subvolume, uint64_t directory, std::string_view name);
    // In the place of what is on disk.
    void overlay(uint64_t tree, std::shared_ptr<const Overlay> items);

private:
    const Superblock& super_;
    TreeReader& trees_;
    uint8_t current_ = 0;
    std::map<uint64_t, std::shared_ptr<const Overlay>> overlays_;
    std::map<std::pair<uint8_t, uint64_t>, Subvolume> known_;
    std::map<uint8_t, std::optional<Tree>> checksums_;
};

} // namespace kanshiki::btrfs
