#pragma once
// The hash tree over the chunk list: RFC 9162 section 2.1, with SHA-256. Entry i is the 32-byte SHA-256 of chunk i;
// the tree leaf is SHA-256(0x00 || entry), an inner node SHA-256(0x01 || left || right).

#include "kanshiki/digest.h"

#include <functional>

namespace kanshiki {

// The root by appending entries from left to right, in O(log n) memory. Not thread-safe.
class MerkleBuilder {
public:
    void append(const Digest& entry) { append(entry, 1); }
    void append(const Digest& entry, uint64_t count); // `count` equal entries in O(log count) hashes
    Digest root() const;                              // of the empty tree: SHA-256 of nothing
    uint64_t size() const { return size_; }

private:
    void push(const Digest& node, unsigned level);
    std::vector<std::optional<Digest>> levels_; // levels_[k]: a complete subtree of 2^k leaves that waits for its right
    uint64_t size_ = 0;
};

// Some entries against the root, without the others (docs/formats/proof.md).
struct ProvenEntry {
    uint64_t index = 0;
    Digest entry{};
};

// What is needed of a tree of `size` entries beside those of `indexes` (ascending, below size): the roots of the
// largest subtrees that hold none of them, from left to right. `entry` is asked for the others in ascending order, each
// once.
std::vector<Digest> merkle_siblings(uint64_t size, std::span<const uint64_t> indexes,
                                    const std::function<Digest(uint64_t index)>& entry);

// The root over them; nothing when `proven` is not ascending and below size, or the number of siblings is not right.
std::optional<Digest> merkle_root(uint64_t size, std::span<const ProvenEntry> proven, std::span<const Digest> siblings);

} // namespace kanshiki
