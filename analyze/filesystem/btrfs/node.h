#pragma once
// A node of a tree ("Btrfs header", "key pointers", "items"): checked as a whole when it is made, so that what it gives
// lies inside it.

#include "analyze/filesystem/btrfs/key.h"
#include "analyze/filesystem/btrfs/superblock.h"

#include <memory>
#include <span>
#include <vector>

namespace kanshiki::btrfs {

constexpr unsigned deepest_level = 7; // BTRFS_MAX_LEVEL 8

struct NodeHeader {
    uint64_t address = 0, generation = 0, owner = 0;
    uint32_t count = 0;
    uint8_t level = 0;
    bool relocated = false;
    std::span<const std::byte> fsid;
};

NodeHeader parse_header(std::span<const std::byte> bytes);

class Node {
public:
    // Throws Error{never_valid}, without a place, when keys are out of order or items leave the node.
    explicit Node(std::vector<std::byte> bytes);
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    const NodeHeader& header() const { return header_; }
    uint32_t count() const { return header_.count; }
    bool leaf() const { return header_.level == 0; }
    Key key(uint32_t index) const;
    std::span<const std::byte> item(uint32_t index) const; // of a leaf
    TreeRoot child(uint32_t index) const;                  // of another
    // The first entry whose key is not less; count() when there is none.
    uint32_t lower_bound(const Key& key) const;

private:
    void check() const;
    const std::byte* entry(uint32_t index) const;

    std::vector<std::byte> bytes_;
    NodeHeader header_;
    size_t stride_ = 0; // of the table of keys
};

} // namespace kanshiki::btrfs
