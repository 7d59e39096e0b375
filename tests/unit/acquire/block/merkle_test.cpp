#include "kanshiki/merkle.h"

#include <gtest/gtest.h>

namespace kanshiki {
namespace {

// RFC 9162, 2.1.1, word for word: recursive, splitting at the largest power of two below n.
Digest mth(std::span<const Digest> entries) {
    if (entries.empty()) return sha256({});
    if (entries.size() == 1) {
        std::vector<std::byte> leaf{std::byte{0}};
        leaf.insert(leaf.end(), entries[0].begin(), entries[0].end());
        return sha256(leaf);
    }
    size_t k = 1;
    while (k * 2 < entries.size()) k *= 2;
    std::vector<std::byte> node{std::byte{1}};
    const Digest left = mth(entries.first(k)), right = mth(entries.subspan(k));
    node.insert(node.end(), left.begin(), left.end());
    node.insert(node.end(), right.begin(), right.end());
    return sha256(node);
}

Digest entry(unsigned value) {
    Digest out{};
    out[0] = static_cast<std::byte>(value);
    out[1] = static_cast<std::byte>(value >> 8);
    return out;
}

TEST(Merkle, EqualsTheRfcsDefinitionForEverySize) {
    std::vector<Digest> entries;
    MerkleBuilder builder;
    for (unsigned n = 0; n < 70; ++n) {
        EXPECT_EQ(builder.root(), mth(entries)) << n;
        entries.push_back(entry(n));
        builder.append(entries.back());
        EXPECT_EQ(builder.size(), n + 1);
    }
}

TEST(Merkle, ARunOfEqualEntriesIsTheSameAsOneByOne) {
    for (unsigned before = 0; before < 20; ++before)
        for (const unsigned run : {1u, 2u, 3u, 7u, 16u, 33u, 1000u}) {
            MerkleBuilder at_once, one_by_one;
            for (unsigned i = 0; i < before; ++i) at_once.append(entry(i)), one_by_one.append(entry(i));
            at_once.append(entry(999), run);
            for (unsigned i = 0; i < run; ++i) one_by_one.append(entry(999));
            at_once.append(entry(5)), one_by_one.append(entry(5));
            EXPECT_EQ(at_once.root(), one_by_one.root()) << before << "+" << run;
            EXPECT_EQ(at_once.size(), one_by_one.size());
        }
}

TEST(Merkle, ATebibyteOfZeroChunksTakesNoTime) {
    MerkleBuilder builder;
    builder.append(entry(0), (uint64_t{1} << 40) / (512 * 1024) + 3);
    EXPECT_EQ(builder.size(), (uint64_t{1} << 21) + 3);
    builder.append(entry(0), uint64_t{1} << 60); // would never end if it were done one by one
    EXPECT_EQ(builder.size(), (uint64_t{1} << 60) + (uint64_t{1} << 21) + 3);
}

} // namespace
} // namespace kanshiki
