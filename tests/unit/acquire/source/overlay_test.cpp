#include "acquire/source/overlay.h"

#include "unit/support/memory_source.h"

#include <gtest/gtest.h>

namespace kanshiki {
namespace {

std::vector<std::byte> filled(size_t size, char with) {
    return std::vector<std::byte>(size, static_cast<std::byte>(with));
}

std::string text_of(Overlay& source, uint64_t offset, size_t size, size_t* got = nullptr) {
    std::vector<std::byte> bytes(size, std::byte{'?'});
    Read read{.offset = offset, .into = bytes};
    source.read(read, {});
    if (got) *got = read.got;
    return {reinterpret_cast<const char*>(bytes.data()), read.got};
}

TEST(Overlay, EachPieceComesFromWhereItIsToCome) {
    test::MemorySource below(filled(16, 'b')), above(filled(20, 'a'));
    Overlay both(below, above, {{2, 3}, {8, 1}, {14, 6}}, 20);
    EXPECT_EQ(text_of(both, 0, 20), "bbaaabbbabbbbbaaaaaa");
    EXPECT_EQ(text_of(both, 3, 4), "aabb");
    EXPECT_EQ(text_of(both, 8, 1), "a");
    EXPECT_EQ(*both.info().size, 20u);
}

TEST(Overlay, WhatNeitherHasIsTheEnd) {
    test::MemorySource below(filled(4, 'b')), above(filled(20, 'a'));
    Overlay both(below, above, {{6, 4}}, 12);
    size_t got = 99;
    EXPECT_EQ(text_of(both, 0, 12, &got), "bbbb");
    EXPECT_EQ(got, 4u);
    EXPECT_EQ(text_of(both, 6, 12), "aaaa");
    text_of(both, 12, 4, &got);
    EXPECT_EQ(got, 0u);
}

} // namespace
} // namespace kanshiki
