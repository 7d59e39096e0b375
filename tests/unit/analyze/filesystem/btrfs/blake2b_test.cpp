#include "analyze/filesystem/btrfs/blake2b.h"

#include <gtest/gtest.h>
#include <string>

namespace kanshiki {
namespace {

std::string of(const std::string& text) { return to_hex(blake2b_256(std::as_bytes(std::span(text)))); }

} // namespace

// As Python's hashlib.blake2b(digest_size=32) gives them: nothing, a part of a block, and both sides of its end.
TEST(Blake2b, IsWhatOthersSay) {
    EXPECT_EQ(of(""), "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    EXPECT_EQ(of("abc"), "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
    std::string bytes;
    for (unsigned index = 0; index < 5000; index++) bytes += static_cast<char>(index % 251);
    const std::pair<size_t, const char*> expected[] = {
        {127, "f2fe67ff342e21b8f45e8f2e0bcd1d9243245d50ee6c78042e9c491388791c72"},
        {128, "c3582f71ebb2be66fa5dd750f80baae97554f3b015663c8be377cfcb2488c1d1"},
        {129, "f7f3c46ba2564ff4c4c162da1f5b605f9f1c4aa6a20652a9f9a337c1a2f5b9c9"},
        {256, "582f782226018ec33076bd8d1c42413530ac7e1126260ffc0f306ba3befc3f24"},
        {257, "227e15ed64ee8e93eb7bc53828f76eed974f2c4ab1408c3d08f212b7f8d69904"},
        {4064, "79ca6703daecde479bf11526cabedc72880acc72266ccf79c498c8c0a646a49f"}};
    for (const auto& [size, digest] : expected) EXPECT_EQ(of(bytes.substr(0, size)), digest) << size;
}

} // namespace kanshiki
