#include "acquire/block/sha256.h"

#include <gtest/gtest.h>

#include <random>

namespace kanshiki {
namespace {

std::vector<std::byte> random_bytes(size_t size, unsigned seed) {
    std::mt19937 generator(seed);
    std::vector<std::byte> out(size);
    for (std::byte& b : out) b = static_cast<std::byte>(generator());
    return out;
}

std::string openssl(std::span<const std::byte> bytes) {
    const auto hasher = make_hasher(DigestAlgorithm::sha256);
    hasher->update(bytes);
    return to_hex(hasher->finish());
}

TEST(Sha256, KnowsTheStandardsExamples) {
    const std::string_view abc = "abc";
    EXPECT_EQ(to_hex(sha256(std::as_bytes(std::span(abc)))),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(to_hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Sha256, EqualsOpenSslAtEveryLengthAroundABlock) {
    const auto bytes = random_bytes(200, 1);
    for (size_t size = 0; size <= bytes.size(); ++size)
        EXPECT_EQ(to_hex(sha256(std::span(bytes).first(size))), openssl(std::span(bytes).first(size))) << size;
}

TEST(Sha256, DoesNotDependOnHowTheBytesAreCut) {
    const auto bytes = random_bytes(100'003, 2);
    std::mt19937 generator(3);
    for (int round = 0; round < 20; ++round) {
        Sha256 digest;
        for (std::span<const std::byte> rest = bytes; !rest.empty();) {
            const size_t take = std::min<size_t>(rest.size(), generator() % 5000);
            digest.update(rest.first(take));
            rest = rest.subspan(take);
        }
        EXPECT_EQ(to_hex(digest.finish()), openssl(bytes));
    }
}

TEST(Sha256, TwoLanesEqualTwoDigests) {
    const auto bytes = random_bytes(3 * 4096 + 17, 4);
    for (const size_t ahead : {0u, 1u, 64u, 100u}) { // with a whole-block start, and without
        Sha256 whole, leaf;
        whole.update(std::span(bytes).first(ahead));
        update_both(whole, leaf, bytes);
        std::vector<std::byte> both(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(ahead));
        both.insert(both.end(), bytes.begin(), bytes.end());
        EXPECT_EQ(to_hex(whole.finish()), openssl(both)) << ahead;
        EXPECT_EQ(to_hex(leaf.finish()), openssl(bytes)) << ahead;
    }
}

TEST(Sha256, FallbackCompressesAsTheProcessorDoes) {
    const auto bytes = random_bytes(64 * 9, 5);
    std::array<uint32_t, 8> ours{1, 2, 3, 4, 5, 6, 7, 8}, theirs = ours;
    sha256_detail::compress(ours, bytes.data(), 9);
    sha256_detail::compress_plain(theirs, bytes.data(), 9);
    EXPECT_EQ(ours, theirs);
}

TEST(Hex, RoundTripsAndRefusesWhatIsNotHex) {
    EXPECT_EQ(to_hex(*from_hex("00ff7A")), "00ff7a");
    for (const char* bad : {"0", "0g", "zz", " 0"}) EXPECT_FALSE(from_hex(bad)) << bad;
    EXPECT_FALSE(digest_from_hex("00ff"));
    EXPECT_TRUE(digest_from_hex(std::string(64, 'a')));
    EXPECT_FALSE(digest_from_hex(std::string(66, 'a')));
}

} // namespace
} // namespace kanshiki
