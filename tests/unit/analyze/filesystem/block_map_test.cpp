#include "analyze/filesystem/ext/block_map.h"
#include "kanshiki/error.h"

#include <gtest/gtest.h>
#include <map>

using namespace kanshiki;
using namespace kanshiki::ext;

namespace {

using Bytes = std::vector<std::byte>;

void put(Bytes& bytes, size_t at, uint64_t value, size_t size) {
    for (size_t index = 0; index < size; index++) bytes[at + index] = static_cast<std::byte>(value >> 8 * index);
}

Bytes node(size_t size, unsigned depth, unsigned entries) {
    Bytes bytes(size);
    put(bytes, 0, 0xf30a, 2);
    put(bytes, 2, entries, 2);
    put(bytes, 4, (size - 12) / 12, 2);
    put(bytes, 6, depth, 2);
    return bytes;
}

void extent(Bytes& bytes, unsigned index, uint64_t logical, uint64_t length, uint64_t physical) {
    put(bytes, 12 + index * 12, logical, 4);
    put(bytes, 16 + index * 12, length, 2);
    put(bytes, 18 + index * 12, physical >> 32, 2);
    put(bytes, 20 + index * 12, physical, 4);
}

void child(Bytes& bytes, unsigned index, uint64_t logical, uint64_t block) {
    put(bytes, 12 + index * 12, logical, 4);
    put(bytes, 16 + index * 12, block, 4);
    put(bytes, 20 + index * 12, block >> 32, 2);
}

struct Disk {
    std::map<uint64_t, Bytes> blocks;
    Geometry geometry{1024, 100'000};
    unsigned reads = 0;
    std::vector<BlockRun> walk(const Bytes& root) {
        return walk_extents(root, geometry, [this](uint64_t block, std::span<std::byte> into) {
            reads++;
            const auto found = blocks.find(block);
            std::fill(into.begin(), into.end(), std::byte{0});
            if (found != blocks.end()) std::copy(found->second.begin(), found->second.end(), into.begin());
        });
    }
};

} // namespace

TEST(ExtentTree, LeavesInTheInode) {
    Bytes root = node(60, 0, 3);
    extent(root, 0, 0, 10, 500);
    extent(root, 1, 10, 5, 510);         // goes on where the last ended: one run
    extent(root, 2, 20, 32768 + 7, 600); // allocated, not written
    const auto runs = Disk{}.walk(root);
    ASSERT_EQ(runs.size(), 2u);
    EXPECT_EQ(runs[0].count, 15u);
    EXPECT_FALSE(runs[0].unwritten);
    EXPECT_EQ(runs[1].logical, 20u);
    EXPECT_EQ(runs[1].count, 7u);
    EXPECT_TRUE(runs[1].unwritten);
}

TEST(ExtentTree, ManyIndexBlocks) {
    Disk disk;
    Bytes root = node(60, 2, 2);
    uint64_t logical = 0, physical = 1000;
    for (unsigned index = 0; index < 2; index++) {
        Bytes middle = node(1024, 1, 80);
        for (unsigned at = 0; at < 80; at++) {
            Bytes leaf = node(1024, 0, 84);
            for (unsigned entry = 0; entry < 84; entry++, logical += 2, physical += 3)
                extent(leaf, entry, logical, 1, physical);
            const uint64_t block = 10 + index * 100 + at;
            disk.blocks[block] = leaf;
            child(middle, at, logical, block);
        }
        disk.blocks[300 + index] = middle;
        child(root, index, 0, 300 + index);
    }
    const auto runs = disk.walk(root);
    ASSERT_EQ(runs.size(), 2u * 80 * 84);
    EXPECT_EQ(runs.back().logical, logical - 2);
    EXPECT_EQ(runs.back().physical, physical - 3);
}

TEST(ExtentTree, HostileTreesEnd) {
    Disk disk;
    Bytes itself = node(1024, 1, 84); // each entry leads back to a tree of the same block
    for (unsigned entry = 0; entry < 84; entry++) child(itself, entry, 0, 50);
    disk.blocks[50] = itself;
    Bytes root = node(60, 2, 4);
    for (unsigned entry = 0; entry < 4; entry++) child(root, entry, 0, 50);
    EXPECT_THROW(disk.walk(root), Error);
    EXPECT_LE(disk.reads, 2u);

    const auto fails = [&](const Bytes& bytes) { EXPECT_THROW(disk.walk(bytes), Error); };
    Bytes bad = node(60, 0, 1);
    extent(bad, 0, 0, 0, 500); // no blocks
    fails(bad);
    extent(bad, 0, 0, 10, 99'995); // past the end
    fails(bad);
    extent(bad, 0, 0, 1, 0); // block 0 holds the superblock
    fails(bad);
    bad = node(60, 0, 2);
    extent(bad, 0, 10, 10, 500);
    extent(bad, 1, 19, 10, 600); // overlaps
    fails(bad);
    fails(node(60, 0, 5)); // more entries than fit
    fails(node(60, 6, 1)); // too deep
    Bytes shallow = node(60, 1, 1);
    child(shallow, 0, 0, 60);
    disk.blocks[60] = node(1024, 3, 0); // a depth that does not follow
    fails(shallow);
    bad = node(60, 0, 1);
    bad[0] = std::byte{0};
    fails(bad);
    EXPECT_TRUE(disk.walk(node(60, 0, 0)).empty());
}

TEST(IndirectMap, HolesAndLevels) {
    Bytes root(60), single(1024), dual(1024), below(1024);
    for (unsigned index = 0; index < 12; index++) put(root, index * 4, index == 3 ? 0 : 100 + index, 4);
    put(root, 48, 20, 4);
    put(root, 52, 21, 4);
    put(single, 0, 200, 4);
    put(dual, 4, 22, 4); // the first 256 blocks of it are a hole
    put(below, 8, 300, 4);
    const std::map<uint64_t, Bytes> blocks{{20, single}, {21, dual}, {22, below}};
    const auto read = [&](uint64_t block, std::span<std::byte> into) {
        std::copy(blocks.at(block).begin(), blocks.at(block).end(), into.begin());
    };
    const auto runs = walk_indirect(root, uint64_t{1} << 40, {1024, 100'000}, read);
    ASSERT_EQ(runs.size(), 4u);
    EXPECT_EQ(runs[0].count, 3u);
    EXPECT_EQ(runs[1].logical, 4u);
    EXPECT_EQ(runs[2].logical, 12u);
    EXPECT_EQ(runs[2].physical, 200u);
    EXPECT_EQ(runs[3].logical, 12u + 256 + 256 + 2);
    EXPECT_EQ(walk_indirect(root, 3 * 1024, {1024, 100'000}, read).size(), 1u) << "nothing past the size is looked at";

    put(root, 0, 100'000, 4);
    EXPECT_THROW(walk_indirect(root, 1024, {1024, 100'000}, read), Error);
    Bytes loop(60);
    put(loop, 48, 20, 4);
    put(loop, 52, 20, 4); // used twice
    EXPECT_THROW(walk_indirect(loop, uint64_t{1} << 40, {1024, 100'000}, read), Error);
}
