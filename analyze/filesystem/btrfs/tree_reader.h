#pragma once
// Items of a tree by their keys.

#include "analyze/filesystem/btrfs/node_reader.h"

#include <map>
#include <optional>

namespace kanshiki::btrfs {

// What a log that was not replayed makes of a tree: items in the place of, or beside, those on disk; nothing: deleted.
using Overlay = std::map<Key, std::optional<std::vector<std::byte>>>;

struct Tree {
    uint64_t id = 0;
    TreeRoot root;
    bool old = false; // of a commit that is past
    std::shared_ptr<const Overlay> overlay = {};
};

struct Item {
    Key key;
    std::span<const std::byte> data;
    std::shared_ptr<const void> held; // what keeps data alive
};

class TreeReader {
public:
    explicit TreeReader(NodeReader& nodes) : nodes_(nodes) {}

    std::optional<Item> find(const Tree& tree, const Key& key);
    // The last item of [from, to], which differ in their offsets only.
    std::optional<Item> find_last(const Tree& tree, const Key& from, const Key& to);
    // Every item of [from, to] in order, until `visit` says false. Goes on past nodes that cannot be read, and throws
    // at the end for the first of them.
    using Visit = std::function<bool(const Item&)>;
    void scan(const Tree& tree, const Key& from, const Key& to, const Visit& visit);
    // What of the tree points to the node of that level that would hold `key`; nothing when the tree is lower.
    std::optional<TreeRoot> node_for(const Tree& tree, const Key& key, uint8_t level);
    // A child of a node, with what must hold between them: that makes a walk end.
    std::shared_ptr<const Node> child(const Tree& tree, const Node& parent, uint32_t index);
    std::shared_ptr<const Node> root(const Tree& tree) { return nodes_.read(tree.root, tree.id, tree.old); }

private:
    struct Scan;
    bool scan_node(Scan& scan, const std::shared_ptr<const Node>& node);
    void scan_disk(const Tree& tree, const Key& from, const Key& to, const Visit& visit);
    std::optional<Item> last_on_disk(const Tree& tree, const Key& from, const Key& to);

    NodeReader& nodes_;
};

} // namespace kanshiki::btrfs
