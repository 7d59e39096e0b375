#include "analyze/filesystem/cached_source.h"

#include "unit/analyze/filesystem/images.h"

#include <gtest/gtest.h>
#include <thread>

using namespace kanshiki;
using namespace kanshiki::test;

TEST(CachedSource, ManyThreadsReadOneLane) {
    const std::string bytes = noise(300'000, 1);
    Memory below(bytes, {{70'000, 512}});
    below.change().access = Access::ascending;
    below.change().lanes = 1;
    CachedSource source(below, 4096, 8);
    EXPECT_EQ(source.info().access, Access::random);
    EXPECT_GT(source.info().lanes, 1u);
    std::vector<std::jthread> threads;
    for (unsigned seed = 0; seed < 4; seed++)
        threads.emplace_back([&, seed] {
            std::mt19937 dice(seed);
            for (int turn = 0; turn < 300; turn++) {
                std::string into(dice() % 20'000, '\1');
                Read read;
                read.offset = dice() % 310'000;
                read.into = std::as_writable_bytes(std::span(into));
                source.read(read, {});
                std::string expected = read.offset < bytes.size() ? bytes.substr(read.offset, into.size()) : "";
                ASSERT_EQ(read.got, expected.size());
                uint64_t bad = 0;
                for (const Bad& each : read.bad) {
                    bad += each.range.size;
                    std::fill_n(expected.begin() + static_cast<long>(each.range.offset - read.offset), each.range.size,
                                '\0');
                }
                into.resize(read.got);
                ASSERT_TRUE(into == expected);
                const bool spans = read.offset <= 70'000 && read.offset + read.got >= 70'512;
                ASSERT_TRUE(!spans || bad == 512);
            }
        });
    threads.clear();
    const unsigned reads = below.reads;
    EXPECT_GT(reads, 0u);
}

TEST(CachedSource, TheSamePieceIsReadOnce) {
    Memory below(noise(100'000, 1));
    CachedSource source(below, 4096, 8);
    std::string into(100, '\0');
    Read read;
    read.into = std::as_writable_bytes(std::span(into));
    for (read.offset = 0; read.offset < 4000; read.offset += 100) source.read(read, {});
    EXPECT_EQ(below.reads, 1u);
}

TEST(Shareable, OnlyWhatNeedsACacheGetsOne) {
    Memory source("x");
    std::unique_ptr<BlockSource> held;
    EXPECT_EQ(&shareable(source, held), &source);
    EXPECT_FALSE(held);
    source.change().lanes = 1;
    const BlockSource& shared = shareable(source, held);
    EXPECT_EQ(&shared, held.get());
}
