#pragma once
// The hash tree over the chunk list: RFC 9162 section 2.1, with SHA-256. Entry i is the 32-byte SHA-256 of chunk i;
// the tree leaf is SHA-256(0x00 || entry), an inner node SHA-256(0x01 || left || right).

#include "kanshiki/digest.h"

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

} // namespace kanshiki
