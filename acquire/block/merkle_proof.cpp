#include "acquire/block/merkle_nodes.h"
#include "kanshiki/merkle.h"

#include <algorithm>
#include <bit>

namespace kanshiki {
namespace {

// Where the tree over [first, first + count) is split: after the largest power of two of entries that leaves some.
uint64_t left_part(uint64_t count) { return std::bit_floor(count - 1); }

struct Siblings {
    const std::function<Digest(uint64_t)>& entry;
    std::vector<Digest> out;

    void walk(uint64_t first, uint64_t count, std::span<const uint64_t> wanted) {
        if (wanted.empty()) {
            MerkleBuilder subtree;
            for (uint64_t i = 0; i < count; ++i) subtree.append(entry(first + i));
            out.push_back(subtree.root());
        } else if (count > 1) {
            const uint64_t left = left_part(count);
            const auto middle = std::lower_bound(wanted.begin(), wanted.end(), first + left);
            walk(first, left, {wanted.begin(), middle});
            walk(first + left, count - left, {middle, wanted.end()});
        }
    }
};

struct Climb {
    std::span<const Digest> siblings;
    bool complete = true;

    // The root over [first, first + count).
    Digest walk(uint64_t first, uint64_t count, std::span<const ProvenEntry> proven) {
        if (proven.empty()) {
            if (siblings.empty()) return complete = false, Digest{};
            const Digest node = siblings.front();
            siblings = siblings.subspan(1);
            return node;
        }
        if (count == 1) return tree_leaf(proven.front().entry);
        const uint64_t left = left_part(count);
        const auto middle = std::partition_point(proven.begin(), proven.end(),
                                                 [&](const ProvenEntry& each) { return each.index < first + left; });
        const Digest low = walk(first, left, {proven.begin(), middle});
        return inner_node(low, walk(first + left, count - left, {middle, proven.end()}));
    }
};

} // namespace

std::vector<Digest> merkle_siblings(uint64_t size, std::span<const uint64_t> indexes,
                                    const std::function<Digest(uint64_t)>& entry) {
    Siblings siblings{entry, {}};
    if (size > 0) siblings.walk(0, size, indexes);
    return std::move(siblings.out);
}

std::optional<Digest> merkle_root(uint64_t size, std::span<const ProvenEntry> proven,
                                  std::span<const Digest> siblings) {
    const auto out_of_order = [](const ProvenEntry& a, const ProvenEntry& b) { return a.index >= b.index; };
    if (size == 0 || (!proven.empty() && proven.back().index >= size)) return {};
    if (std::adjacent_find(proven.begin(), proven.end(), out_of_order) != proven.end()) return {};
    Climb climb{siblings};
    const Digest root = climb.walk(0, size, proven);
    if (!climb.complete || !climb.siblings.empty()) return {};
    return root;
}

} // namespace kanshiki
