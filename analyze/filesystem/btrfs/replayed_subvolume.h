#pragma once
// One subvolume's log laid over its tree: inodes and their extents, names that came and names that went.

#include "analyze/filesystem/btrfs/items.h"
#include "analyze/filesystem/btrfs/tree_reader.h"

#include <set>

namespace kanshiki::btrfs {

struct LogItem {
    Key key;
    std::vector<std::byte> bytes;
};

class ReplayedSubvolume {
public:
    ReplayedSubvolume(TreeReader& trees, const Tree& base, uint32_t sector_size);
    // items: all of the log, in order. Throws Error{never_valid} on what cannot be replayed.
    void run(const std::vector<LogItem>& items);
    std::shared_ptr<const Overlay> overlay() const { return overlay_; }

private:
    struct Name {
        uint64_t index = 0;
        Key location;
    };
    const LogItem* in_log(const Key& key) const;
    std::optional<std::vector<std::byte>> bytes_of(const Key& key);

    void replay_inode(const LogItem& item);
    void delete_xattrs(uint64_t inode);
    void delete_names(uint64_t directory);
    void replay_entry(const LogItem& item);
    void replay_references(const LogItem& item);
    void replay_extent(const LogItem& item);
    void drop_extents(uint64_t inode, uint64_t from, uint64_t end);
    void count_links(uint64_t inode);

    std::optional<Name> find_name(uint64_t directory, const std::string& name);
    std::optional<uint64_t> index_of(uint64_t inode, uint64_t directory, const std::string& name);
    void unlink(uint64_t directory, const std::string& name, const Name& old);
    void link(uint64_t directory, const std::string& name, const Name& fresh, uint8_t type);
    void forget_reference(uint64_t inode, uint64_t directory, const std::string& name);
    void grow(uint64_t directory, int64_t bytes);
    bool exists(uint64_t inode) { return trees_.find(tree_, {inode, type::inode_item, 0}).has_value(); }

    TreeReader& trees_;
    const uint32_t sector_size_;
    const std::shared_ptr<Overlay> overlay_ = std::make_shared<Overlay>();
    Tree tree_; // the base, seen through the overlay
    const std::vector<LogItem>* log_ = nullptr;
    std::map<std::pair<uint64_t, std::string>, std::optional<Name>> names_; // changed ones: DIR_ITEM stays as it was
    std::set<uint64_t> ignored_; // inodes that had no name when they were logged
    std::set<uint64_t> counted_; // inodes whose names may have changed
};

} // namespace kanshiki::btrfs
