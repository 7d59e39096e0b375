// Logical addresses to this device, for each profile: chunk items made by hand.

#include "analyze/filesystem/btrfs/chunk_map.h"
#include "kanshiki/error.h"

#include <gtest/gtest.h>

namespace kanshiki::btrfs {
namespace {

constexpr uint64_t single = 0, raid0 = 8, raid1 = 16, dup = 32, raid10 = 64, raid5 = 128, raid6 = 256;
constexpr uint64_t KiB = 1024, stripe = 64 * KiB;

void put(std::vector<std::byte>& bytes, size_t at, uint64_t value, size_t size = 8) {
    if (bytes.size() < at + size) bytes.resize(at + size);
    for (size_t index = 0; index < size; index++) bytes[at + index] = static_cast<std::byte>(value >> index * 8);
}

std::vector<std::byte> chunk(uint64_t size, uint64_t profile, const std::vector<std::pair<uint64_t, uint64_t>>& stripes,
                             uint16_t sub_stripes = 1, uint64_t length = stripe) {
    std::vector<std::byte> item;
    put(item, 0, size);
    put(item, 16, length);
    put(item, 24, profile | 1);
    put(item, 44, stripes.size(), 2);
    put(item, 46, sub_stripes, 2);
    for (const auto& [device, offset] : stripes) {
        const size_t at = item.size();
        put(item, at, device);
        put(item, at + 8, offset);
        put(item, at + 24, 0);
    }
    return item;
}

Key at(uint64_t logical) { return {256, type::chunk_item, logical}; }

using Copies = std::vector<uint64_t>;

} // namespace

TEST(BtrfsChunks, SingleAndCopies) {
    ChunkMap map(1);
    map.add(at(1 << 20), chunk(1 << 20, single, {{1, 5 << 20}}));
    map.add(at(2 << 20), chunk(1 << 20, dup, {{1, 8 << 20}, {1, 16 << 20}}));
    map.add(at(3 << 20), chunk(1 << 20, raid1, {{2, 8 << 20}, {1, 32 << 20}}));
    const Place first = map.place((1 << 20) + 100, 1 << 30);
    EXPECT_EQ(first.size, (1u << 20) - 100);
    EXPECT_EQ(first.copies, Copies{(5 << 20) + 100});
    EXPECT_EQ(map.place(2 << 20, 10).copies, (Copies{8 << 20, 16 << 20}));
    EXPECT_EQ(map.place(2 << 20, 10).size, 10u);
    const Place third = map.place((3 << 20) + 7, 10);
    EXPECT_EQ(third.copies, Copies{(32 << 20) + 7});
    EXPECT_EQ(third.absent, Copies{2});
    EXPECT_THROW(map.place((1 << 20) - 1, 1), Error);
    EXPECT_THROW(map.place(4 << 20, 1), Error);
}

TEST(BtrfsChunks, StripesGoRound) {
    ChunkMap map(1);
    map.add(at(0), chunk(4 * stripe, raid0, {{1, 1 << 20}, {2, 2 << 20}}));
    EXPECT_EQ(map.place(10, 1 << 20).copies, Copies{(1 << 20) + 10});
    EXPECT_EQ(map.place(10, 1 << 20).size, stripe - 10);
    EXPECT_TRUE(map.place(stripe, 1).copies.empty());
    EXPECT_EQ(map.place(stripe, 1).absent, Copies{2});
    EXPECT_EQ(map.place(2 * stripe + 5, 1).copies, Copies{(1 << 20) + stripe + 5});
    // Each column twice: devices 2 and 1, then 3 and 4.
    map.add(at(1 << 30), chunk(4 * stripe, raid10, {{2, 0}, {1, 4 << 20}, {3, 0}, {4, 0}}, 2));
    EXPECT_EQ(map.place((1 << 30) + 2 * stripe, 1).copies, Copies{(4 << 20) + stripe});
    EXPECT_EQ(map.place((1 << 30) + stripe, 1).absent, (Copies{3, 4}));
}

// Parity turns: with three devices row 0 is D D P, row 1 P D D read from column 1 on, row 2 D P D.
TEST(BtrfsChunks, ParityMovesOn) {
    ChunkMap map(1);
    map.add(at(0), chunk(6 * stripe, raid5, {{1, 0}, {2, 0}, {3, 0}}));
    EXPECT_EQ(map.place(0, 1).copies, Copies{0});
    EXPECT_EQ(map.place(stripe, 1).absent, Copies{2});
    EXPECT_EQ(map.place(2 * stripe, 1).absent, Copies{2});
    EXPECT_EQ(map.place(3 * stripe, 1).absent, Copies{3});
    EXPECT_EQ(map.place(4 * stripe, 1).absent, Copies{3});
    EXPECT_EQ(map.place(5 * stripe + 9, 1).copies, Copies{2 * stripe + 9});
    const std::vector<Range> here = map.on_this_device();
    EXPECT_EQ(here, (std::vector<Range>{{0, 3 * stripe}}));
}

TEST(BtrfsChunks, WhatCannotBeIsRefused) {
    const auto refused = [](const Key& key, const std::vector<std::byte>& item) {
        ChunkMap map(1);
        map.add(at(10 << 20), chunk(1 << 20, single, {{1, 0}}));
        EXPECT_THROW(map.add(key, item), Error);
    };
    refused(at(0), chunk(0, single, {{1, 0}}));
    refused(at(0), chunk(1 << 20, single, {}));
    refused(at(1), chunk(~uint64_t{0}, single, {{1, 0}}));
    refused(at(0), chunk(1 << 20, single, {{1, ~uint64_t{0}}}));
    refused(at(0), chunk(1 << 20, raid0, {{1, 0}}, 1, 0));
    refused(at(0), chunk(1 << 20, raid0, {{1, 0}}, 1, 1));
    refused(at(0), chunk(1 << 20, raid0 | raid10, {{1, 0}, {2, 0}}, 2));
    refused(at(0), chunk(1 << 20, raid10, {{1, 0}, {2, 0}, {3, 0}}, 2));
    refused(at(0), chunk(1 << 20, raid10, {{1, 0}, {2, 0}}, 0));
    refused(at(0), chunk(1 << 20, raid5, {{1, 0}}));
    refused(at(0), chunk(1 << 20, raid6, {{1, 0}, {2, 0}}));
    refused(at(0), chunk(11 << 20, single, {{1, 0}}));
    refused(at((10 << 20) + 1), chunk(1 << 10, single, {{1, 0}}));
    std::vector<std::byte> cut = chunk(1 << 20, dup, {{1, 0}, {1, 1 << 20}});
    cut.resize(cut.size() - 1);
    refused(at(0), cut);
}

TEST(BtrfsChunks, TheArrayOfTheSuperblock) {
    std::vector<std::byte> array;
    put(array, 0, 256);
    put(array, 8, type::chunk_item, 1);
    put(array, 9, 5 << 20);
    const auto item = chunk(1 << 20, single, {{1, 3 << 20}});
    array.insert(array.end(), item.begin(), item.end());
    ChunkMap map(1);
    map.add_array(array);
    EXPECT_EQ(map.place(5 << 20, 1).copies, Copies{3 << 20});
    EXPECT_THROW(ChunkMap(1).add_array(std::span(array).first(array.size() - 1)), Error);
    put(array, 8, type::dev_item, 1);
    EXPECT_THROW(ChunkMap(1).add_array(array), Error);
}

} // namespace kanshiki::btrfs
