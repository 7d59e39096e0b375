#pragma once
// The two kinds of node in the hash tree of merkle.h.

#include "acquire/block/sha256.h"
#include "kanshiki/digest.h"

namespace kanshiki {

inline Digest tree_leaf(const Digest& entry) {
    Sha256 digest;
    const std::byte prefix{0x00};
    digest.update({&prefix, 1});
    digest.update(entry);
    return digest.finish();
}

inline Digest inner_node(const Digest& left, const Digest& right) {
    Sha256 digest;
    const std::byte prefix{0x01};
    digest.update({&prefix, 1});
    digest.update(left);
    digest.update(right);
    return digest.finish();
}

} // namespace kanshiki
