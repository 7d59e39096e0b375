#include "analyze/filesystem/xfs/ag_tree.h"

#include "analyze/filesystem/bytes.h"

#include <algorithm>
#include <unordered_set>

namespace kanshiki::xfs {
namespace {

constexpr uint32_t agf_magic = 0x58414746, agi_magic = 0x58414749; // "XAGF", "XAGI"
constexpr size_t header_v4 = 16, header_v5 = 56;
constexpr unsigned deepest = 16;
constexpr size_t kept_leaves = 64, kept_roots = 4096;

std::string group(uint32_t ag) { return "allocation group " + std::to_string(ag) + ": "; }

// A header is one sector; `sector` counts them from the start of the group.
std::vector<std::byte> read_header(Metadata& metadata, uint32_t ag, unsigned sector, uint32_t magic, size_t checksum,
                                   size_t uuid, const char* name) {
    const Superblock& super = metadata.super;
    const auto start = super.ag_block_offset(ag, 0);
    if (!start) damaged(group(ag) + "there is no such group");
    std::vector<std::byte> bytes(super.sector_size);
    const uint64_t offset = *start + uint64_t{sector} * super.sector_size;
    metadata.read(offset, bytes);
    if (be32(bytes, 0) != magic || be32(bytes, 8) != ag) damaged(group(ag) + "its " + name + " is not in its place");
    if (super.checksums() && !metadata.changed_by_log(offset, bytes.size()) && !checksum_right(bytes, checksum))
        metadata.warn("XFS " + group(ag) + "its " + name + " has a wrong checksum");
    if (super.checksums() && !std::ranges::equal(std::span(bytes).subspan(uuid, 16), super.metadata_uuid))
        metadata.warn("XFS " + group(ag) + "its " + name + " carries another file system's UUID");
    return bytes;
}

struct Node {
    std::vector<std::byte> bytes;
    std::span<const std::byte> body;
    unsigned count = 0;
    size_t room = 0; // children: keys first, then as many pointers as fit
};

Node read_node(Metadata& metadata, const TreeKind& kind, uint32_t ag, uint32_t block, unsigned level) {
    const auto fail = [&](const std::string& what) {
        damaged(group(ag) + "block " + std::to_string(block) + " of its " + kind.name + " " + what);
    };
    const auto offset = metadata.super.ag_block_offset(ag, block);
    if (!offset || block == 0) fail("lies beyond it");
    Node node;
    node.bytes.resize(metadata.super.block_size);
    metadata.read(*offset, node.bytes);
    const bool v5 = metadata.super.checksums();
    if (be32(node.bytes, 0) != (v5 ? kind.magic_v5 : kind.magic_v4)) fail("has no magic");
    if (be16(node.bytes, 4) != level) fail("says level " + std::to_string(be16(node.bytes, 4)));
    metadata.check(node.bytes, short_tree_block, *offset, ag);
    node.body = std::span<const std::byte>(node.bytes).subspan(v5 ? header_v5 : header_v4);
    node.count = be16(node.bytes, 6);
    node.room = node.body.size() / (level == 0 ? kind.record_size : kind.key_size + 4);
    if (node.count > node.room) fail("says " + std::to_string(node.count) + " entries, more than fit");
    return node;
}

TreeRoot checked(TreeRoot root, uint32_t ag, const TreeKind& kind) {
    if (root.levels == 0 || root.levels > deepest)
        damaged(group(ag) + "its " + kind.name + " has " + std::to_string(root.levels) + " levels");
    return root;
}

class Walk {
public:
    Walk(Metadata& metadata, const TreeKind& kind, uint32_t ag,
         const std::function<void(std::span<const std::byte>)>& record)
        : metadata_(metadata), kind_(kind), ag_(ag), record_(record) {}

    void node(uint32_t block, unsigned level) {
        if (!seen_.insert(block).second)
            damaged(group(ag_) + "block " + std::to_string(block) + " of its " + kind_.name + " is used twice");
        const Node found = read_node(metadata_, kind_, ag_, block, level);
        for (unsigned index = 0; index < found.count; index++) {
            if (level == 0)
                record_(found.body.subspan(index * kind_.record_size, kind_.record_size));
            else
                node(be32(found.body, found.room * kind_.key_size + index * 4), level - 1);
        }
    }

private:
    Metadata& metadata_;
    const TreeKind& kind_;
    const uint32_t ag_;
    const std::function<void(std::span<const std::byte>)>& record_;
    std::unordered_set<uint32_t> seen_;
};

// The last of `count` items of `size` bytes whose key, its first 4 bytes, is not greater; count when there is none.
unsigned last_not_greater(std::span<const std::byte> items, unsigned count, size_t size, uint32_t key) {
    unsigned low = 0, high = count; // items[low - 1] <= key < items[high]
    while (low < high) {
        const unsigned middle = low + (high - low) / 2;
        if (be32(items, middle * size) <= key)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? count : low - 1;
}

} // namespace

TreeRoot free_space_root(Metadata& metadata, uint32_t ag) {
    const auto agf = read_header(metadata, ag, 1, agf_magic, 216, 64, "AGF");
    return checked({be32(agf, 16), be32(agf, 28)}, ag, free_space_tree);
}

TreeRoot inode_root(Metadata& metadata, uint32_t ag) {
    const auto agi = read_header(metadata, ag, 2, agi_magic, 312, 296, "AGI");
    return checked({be32(agi, 20), be32(agi, 24)}, ag, inode_tree);
}

void walk_tree(Metadata& metadata, const TreeKind& kind, uint32_t ag, const TreeRoot& root,
               const std::function<void(std::span<const std::byte>)>& record) {
    Walk(metadata, kind, ag, record).node(root.block, root.levels - 1);
}

const TreeLookup::Leaf& TreeLookup::leaf(uint32_t ag, uint32_t key) {
    const auto covers = [&](const Leaf& each) { return each.ag == ag && each.from <= key && key < each.to; };
    if (last_ < leaves_.size() && covers(leaves_[last_])) return leaves_[last_];
    const auto kept = std::ranges::find_if(leaves_, covers);
    if (kept != leaves_.end()) {
        last_ = static_cast<size_t>(kept - leaves_.begin());
        return *kept;
    }
    if (roots_.size() > kept_roots) roots_.clear();
    auto root = roots_.find(ag);
    if (root == roots_.end()) root = roots_.emplace(ag, root_(metadata_, ag)).first;

    Leaf found{ag, 0, uint64_t{1} << 32, {}};
    uint32_t block = root->second.block;
    for (unsigned level = root->second.levels - 1;; level--) {
        const Node node = read_node(metadata_, kind_, ag, block, level);
        if (level == 0) {
            found.records.assign(node.body.begin(),
                                 node.body.begin() + static_cast<std::ptrdiff_t>(node.count * kind_.record_size));
            break;
        }
        if (node.count == 0) damaged(group(ag) + "a node of its " + kind_.name + " is empty");
        unsigned index = last_not_greater(node.body, node.count, kind_.key_size, key);
        if (index == node.count)
            index = 0; // before the first: no record, but this leaf says so
        else
            found.from = std::max(found.from, be32(node.body, index * kind_.key_size));
        if (index + 1 < node.count)
            found.to = std::min<uint64_t>(found.to, be32(node.body, (index + 1) * kind_.key_size));
        block = be32(node.body, node.room * kind_.key_size + index * 4);
    }
    if (leaves_.size() < kept_leaves) leaves_.emplace_back();
    last_ = next_++ % kept_leaves;
    leaves_[last_] = std::move(found);
    return leaves_[last_];
}

std::span<const std::byte> TreeLookup::find(uint32_t ag, uint32_t key) {
    const Leaf& found = leaf(ag, key);
    const auto count = static_cast<unsigned>(found.records.size() / kind_.record_size);
    const unsigned index = last_not_greater(found.records, count, kind_.record_size, key);
    if (index == count) return {};
    return std::span<const std::byte>(found.records).subspan(index * kind_.record_size, kind_.record_size);
}

} // namespace kanshiki::xfs
