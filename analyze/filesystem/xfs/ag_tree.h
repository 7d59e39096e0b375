#pragma once
// The B+trees of an allocation group: free space by block number (bnobt), inodes by chunk of 64 (inobt).

#include "analyze/filesystem/xfs/metadata.h"

#include <functional>
#include <unordered_map>

namespace kanshiki::xfs {

struct TreeKind {
    const char* name;
    uint32_t magic_v4, magic_v5;
    size_t key_size, record_size;
};
constexpr TreeKind free_space_tree{"free space tree", 0x41425442, 0x41423342, 8, 8}; // "ABTB", "AB3B"
constexpr TreeKind inode_tree{"inode tree", 0x49414254, 0x49414233, 4, 16};          // "IABT", "IAB3"

struct TreeRoot {
    uint32_t block = 0;
    unsigned levels = 0;
};
TreeRoot free_space_root(Metadata& metadata, uint32_t ag); // from the AGF
TreeRoot inode_root(Metadata& metadata, uint32_t ag);      // from the AGI

// Every record in order. Throws Error{never_valid} on a tree that is damaged or meets a block twice.
void walk_tree(Metadata& metadata, const TreeKind& kind, uint32_t ag, const TreeRoot& root,
               const std::function<void(std::span<const std::byte> record)>& record);

// Looks single records up; keeps the leaves used last. One per tree kind.
class TreeLookup {
public:
    TreeLookup(Metadata& metadata, const TreeKind& kind, TreeRoot (*root)(Metadata&, uint32_t))
        : metadata_(metadata), kind_(kind), root_(root) {}

    // The record with the greatest key that is not greater; empty when there is none. Valid until the next call.
    std::span<const std::byte> find(uint32_t ag, uint32_t key);

private:
    struct Leaf {
        uint32_t ag = 0, from = 0;
        uint64_t to = 0; // keys [from, to) are decided by this leaf
        std::vector<std::byte> records;
    };
    const Leaf& leaf(uint32_t ag, uint32_t key);

    Metadata& metadata_;
    const TreeKind& kind_;
    TreeRoot (*root_)(Metadata&, uint32_t);
    std::unordered_map<uint32_t, TreeRoot> roots_;
    std::vector<Leaf> leaves_;
    size_t last_ = 0, next_ = 0;
};

} // namespace kanshiki::xfs
