#include "kanshiki/merkle.h"

#include <gtest/gtest.h>
#include <random>

namespace kanshiki {
namespace {

Digest entry(uint64_t value) {
    Digest out{};
    for (size_t i = 0; i < 8; ++i) out[i] = static_cast<std::byte>(value >> 8 * i);
    return out;
}

Digest root_over(uint64_t size) {
    MerkleBuilder builder;
    for (uint64_t i = 0; i < size; ++i) builder.append(entry(i));
    return builder.root();
}

std::vector<ProvenEntry> proven(const std::vector<uint64_t>& indexes) {
    std::vector<ProvenEntry> out;
    for (const uint64_t index : indexes) out.push_back({index, entry(index)});
    return out;
}

TEST(MerkleProof, EverySubsetOfSmallTreesGivesTheRoot) {
    for (uint64_t size = 1; size <= 9; ++size) {
        const Digest root = root_over(size);
        for (unsigned chosen = 0; chosen < 1u << size; ++chosen) {
            std::vector<uint64_t> indexes;
            for (uint64_t i = 0; i < size; ++i)
                if (chosen >> i & 1) indexes.push_back(i);
            const auto siblings = merkle_siblings(size, indexes, entry);
            EXPECT_EQ(merkle_root(size, proven(indexes), siblings), root) << size << " " << chosen;
        }
    }
}

TEST(MerkleProof, IsAsSmallAsTheTreeIsDeep) {
    constexpr uint64_t size = 1 << 15;
    uint64_t asked = 0, last = 0;
    const auto count = [&](uint64_t index) {
        EXPECT_TRUE(asked == 0 || index > last);
        ++asked, last = index;
        return entry(index);
    };
    EXPECT_EQ(merkle_siblings(size, std::vector<uint64_t>{1234}, count).size(), 15u);
    EXPECT_EQ(asked, size - 1) << "each entry once, and not the proven one";
    EXPECT_LE(merkle_siblings(size, std::vector<uint64_t>{1023, 1024, 1025}, entry).size(), 2 * 15u);
}

TEST(MerkleProof, AnyChangeGivesAnotherRootOrNone) {
    constexpr uint64_t size = 777;
    const Digest root = root_over(size);
    const std::vector<uint64_t> indexes{0, 5, 6, 511, 512, 776};
    const auto good = proven(indexes);
    const auto siblings = merkle_siblings(size, indexes, entry);
    ASSERT_EQ(merkle_root(size, good, siblings), root);
    for (size_t i = 0; i < good.size(); ++i) {
        auto other = good;
        other[i].entry[31] ^= std::byte{1};
        EXPECT_NE(merkle_root(size, other, siblings), root) << i;
        other = good;
        ++other[i].index; // the same bytes elsewhere in the image
        EXPECT_NE(merkle_root(size, other, siblings), root) << i;
    }
    for (size_t i = 0; i < siblings.size(); ++i) {
        auto other = siblings;
        other[i][0] ^= std::byte{1};
        EXPECT_NE(merkle_root(size, good, other), root) << i;
    }
    EXPECT_NE(merkle_root(size + 1, good, siblings), root);
    EXPECT_NE(merkle_root(size - 1, good, siblings), root);
}

TEST(MerkleProof, WhatDoesNotFitIsNoProof) {
    const std::vector<uint64_t> indexes{3};
    auto siblings = merkle_siblings(8, indexes, entry);
    const auto fits = [&](uint64_t size, const std::vector<ProvenEntry>& entries) {
        return merkle_root(size, entries, siblings).has_value();
    };
    ASSERT_TRUE(fits(8, proven(indexes)));
    EXPECT_FALSE(fits(0, {}));
    EXPECT_FALSE(fits(8, proven({8})));
    EXPECT_FALSE(fits(8, proven({3, 3})));
    EXPECT_FALSE(fits(8, proven({4, 3})));
    EXPECT_FALSE(fits(8, {}));
    EXPECT_FALSE(fits(uint64_t{1} << 63, proven(indexes))) << "too few siblings";
    siblings.push_back({});
    EXPECT_FALSE(fits(8, proven(indexes))) << "one too many";
}

} // namespace
} // namespace kanshiki
