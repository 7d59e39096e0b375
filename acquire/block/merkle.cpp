#include "kanshiki/merkle.h"

#include "acquire/block/merkle_nodes.h"

#include <algorithm>
#include <bit>

namespace kanshiki {
void MerkleBuilder::push(const Digest& node, unsigned level) {
    size_ += uint64_t{1} << level;
    Digest carried = node;
    for (;; ++level) {
        if (level >= levels_.size()) levels_.resize(level + 1);
        if (!levels_[level]) break;
        carried = inner_node(*levels_[level], carried);
        levels_[level].reset();
    }
    levels_[level] = carried;
}

void MerkleBuilder::append(const Digest& entry, uint64_t count) {
    if (count == 0) return;
    std::vector<Digest> equal{tree_leaf(entry)}; // equal[k]: the complete subtree over 2^k such entries
    while (count > 0) {
        // The largest complete subtree that starts here and fits.
        const unsigned fits = static_cast<unsigned>(std::bit_width(count)) - 1;
        const unsigned level =
            size_ == 0 ? fits : std::min<unsigned>(fits, static_cast<unsigned>(std::countr_zero(size_)));
        while (equal.size() <= level) equal.push_back(inner_node(equal.back(), equal.back()));
        push(equal[level], level);
        count -= uint64_t{1} << level;
    }
}

Digest MerkleBuilder::root() const {
    std::optional<Digest> right;
    for (const auto& left : levels_)
        if (left) right = right ? inner_node(*left, *right) : *left;
    return right ? *right : sha256({});
}

} // namespace kanshiki
