#include "analyze/filesystem/btrfs/tree_reader.h"

#include "kanshiki/error.h"

#include <exception>

namespace kanshiki::btrfs {
namespace {

// The child under which `key` lies: the last whose first key is not greater.
uint32_t child_for(const Node& node, const Key& key) {
    const uint32_t at = node.lower_bound(key);
    return at < node.count() && node.key(at) == key ? at : at - (at > 0);
}

Item overlaid(const Overlay::value_type& entry, const std::shared_ptr<const Overlay>& overlay) {
    return {entry.first, *entry.second, overlay};
}

} // namespace

struct TreeReader::Scan {
    const Tree& tree;
    const Key &from, &to;
    const Visit& visit;
    std::exception_ptr failure = {};
};

// Keys of children lie in what the parent says, first key and all, so no node is met twice on one level whatever the
// pointers say.
std::shared_ptr<const Node> TreeReader::child(const Tree& tree, const Node& parent, uint32_t index) {
    auto node = nodes_.read(parent.child(index), tree.id, tree.old);
    const bool first = node->count() > 0 && node->key(0) == parent.key(index);
    const bool last = index + 1 == parent.count() || (first && node->key(node->count() - 1) < parent.key(index + 1));
    if (!first || !last)
        throw Error(ExitCode::never_valid, "btrfs tree " + std::to_string(tree.id) + ": the node at logical " +
                                               std::to_string(node->header().address) +
                                               " does not hold the keys that the one above it says");
    return node;
}

bool TreeReader::scan_node(Scan& scan, const std::shared_ptr<const Node>& node) {
    if (node->leaf()) {
        for (uint32_t at = node->lower_bound(scan.from); at < node->count(); at++) {
            const Key key = node->key(at);
            if (key > scan.to || !scan.visit({key, node->item(at), node})) return false;
        }
        return true;
    }
    for (uint32_t at = child_for(*node, scan.from); at < node->count(); at++) {
        if (node->key(at) > scan.to) return false;
        std::shared_ptr<const Node> below;
        try {
            below = child(scan.tree, *node, at);
        } catch (const Error& error) {
            if (error.code() != ExitCode::never_valid) throw;
            if (!scan.failure) scan.failure = std::current_exception();
            continue;
        }
        if (!scan_node(scan, below)) return false;
    }
    return true;
}

void TreeReader::scan_disk(const Tree& tree, const Key& from, const Key& to, const Visit& visit) {
    Scan scan{tree, from, to, visit};
    scan_node(scan, root(tree));
    if (scan.failure) std::rethrow_exception(scan.failure);
}

void TreeReader::scan(const Tree& tree, const Key& from, const Key& to, const Visit& visit) {
    if (!tree.overlay) return scan_disk(tree, from, to, visit);
    auto next = tree.overlay->lower_bound(from);
    const auto end = tree.overlay->end();
    bool more = true;
    const auto give_before = [&](const Key& limit) { // those of the overlay that come before a key, or at it
        for (; more && next != end && next->first <= limit; ++next)
            if (next->second) more = visit(overlaid(*next, tree.overlay));
        return more;
    };
    std::exception_ptr failure;
    try {
        scan_disk(tree, from, to, [&](const Item& item) {
            if (tree.overlay->contains(item.key)) return give_before(item.key);
            if (!give_before(item.key)) return false;
            return more = visit(item);
        });
    } catch (const Error& error) {
        if (error.code() != ExitCode::never_valid) throw;
        failure = std::current_exception();
    }
    give_before(to);
    if (failure) std::rethrow_exception(failure);
}

std::optional<Item> TreeReader::find(const Tree& tree, const Key& key) {
    if (tree.overlay)
        if (const auto found = tree.overlay->find(key); found != tree.overlay->end())
            return found->second ? std::optional(overlaid(*found, tree.overlay)) : std::nullopt;
    auto node = root(tree);
    while (!node->leaf()) node = child(tree, *node, child_for(*node, key));
    const uint32_t at = node->lower_bound(key);
    if (at == node->count() || node->key(at) != key) return {};
    return Item{key, node->item(at), node};
}

std::optional<Item> TreeReader::last_on_disk(const Tree& tree, const Key& from, const Key& to) {
    auto node = root(tree);
    while (!node->leaf()) node = child(tree, *node, child_for(*node, to));
    uint32_t at = node->lower_bound(to);
    if (at == node->count() || node->key(at) != to) {
        if (at == 0) return {}; // the first key of a node is its parent's: nothing before it is less
        at--;
    }
    const Key key = node->key(at);
    return key < from ? std::nullopt : std::optional(Item{key, node->item(at), node});
}

std::optional<Item> TreeReader::find_last(const Tree& tree, const Key& from, const Key& to) {
    if (!tree.overlay) return last_on_disk(tree, from, to);
    std::optional<Item> laid; // the last of the overlay
    for (auto next = tree.overlay->upper_bound(to); next != tree.overlay->begin() && !laid;) {
        --next;
        if (next->first < from) break;
        if (next->second) laid = overlaid(*next, tree.overlay);
    }
    std::optional<Item> stored = last_on_disk(tree, from, to);
    while (stored && tree.overlay->contains(stored->key)) { // replaced, or deleted: the one before it
        if (stored->key == from || stored->key.offset == 0) {
            stored.reset();
            break;
        }
        stored = last_on_disk(tree, from, {stored->key.objectid, stored->key.type, stored->key.offset - 1});
    }
    return laid && (!stored || stored->key < laid->key) ? laid : stored;
}

std::optional<TreeRoot> TreeReader::node_for(const Tree& tree, const Key& key, uint8_t level) {
    if (tree.root.level < level) return {};
    if (tree.root.level == level) return tree.root;
    auto node = root(tree);
    while (true) {
        const uint32_t at = child_for(*node, key);
        if (node->header().level == level + 1) return node->child(at);
        node = child(tree, *node, at);
    }
}

} // namespace kanshiki::btrfs
