#include "analyze/filesystem/cached_source.h"

#include "unit/analyze/filesystem/images.h"

#include <gtest/gtest.h>
#include <latch>
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

TEST(CachedSource, ManyMissesOfOnePieceReadItOnceAndOthersGoOn) {
    Memory below(noise(1 << 20, 1));
    CachedSource source(below, 4096, 256);
    std::latch start(8);
    std::vector<std::jthread> threads;
    for (unsigned number = 0; number < 8; number++)
        threads.emplace_back([&] {
            start.arrive_and_wait();
            std::string into(4096, '\0');
            Read read;
            read.into = std::as_writable_bytes(std::span(into));
            for (read.offset = 0; read.offset < 1 << 20; read.offset += 4096) source.read(read, {});
        });
    threads.clear();
    EXPECT_EQ(below.reads, 256u);
}

// Misses of different pieces are in the source at the same time; a serial source sees one after the other.
TEST(CachedSource, AsManyReadsAtOnceAsTheSourceTakes) {
    class Meeting : public Memory {
    public:
        Meeting() : Memory(noise(1 << 20, 1)) {}
        void read(Read& read, std::stop_token stop) override {
            most = std::max<int>(most, ++inside);
            if (together) together->arrive_and_wait(); // hangs unless both come
            Memory::read(read, stop);
            --inside;
        }
        std::latch* together = nullptr;
        std::atomic<int> inside = 0, most = 0;
    };
    const auto read_two = [](Meeting& below) {
        CachedSource source(below, 4096, 256);
        std::vector<std::jthread> threads;
        for (unsigned number = 0; number < 2; number++)
            threads.emplace_back([&, number] {
                std::string into(100, '\0');
                Read read;
                read.offset = number * uint64_t{16 * 4096}; // of one shard
                read.into = std::as_writable_bytes(std::span(into));
                source.read(read, {});
            });
        threads.clear();
    };
    std::latch both(2);
    Meeting open;
    open.together = &both;
    read_two(open);
    EXPECT_EQ(open.most, 2);
    Meeting serial;
    serial.change().lanes = 1;
    for (int turn = 0; turn < 20; turn++) read_two(serial);
    EXPECT_EQ(serial.most, 1);
}

TEST(CachedSource, AFailedReadIsTriedAgainByTheNext) {
    class Once : public Memory {
    public:
        Once() : Memory(noise(1 << 20, 1)) {}
        void read(Read& read, std::stop_token stop) override {
            if (reads++ == 0) throw Error(ExitCode::source_lost, "once");
            Memory::read(read, stop);
        }
    } below;
    CachedSource source(below, 4096, 16);
    std::string into(100, '\0');
    Read read;
    read.into = std::as_writable_bytes(std::span(into));
    EXPECT_THROW(source.read(read, {}), Error);
    source.read(read, {});
    EXPECT_EQ(read.got, 100u);
}

TEST(CachedSource, ContentGoesPastIt) {
    Memory below(noise(1 << 20, 1), {{600'000, 512}});
    CachedSource source(below, 4096, 16);
    std::string into(1 << 20, '\0');
    Read read;
    read.into = std::as_writable_bytes(std::span(into));
    source.read(read, {});
    EXPECT_EQ(below.reads, 1u);
    EXPECT_EQ(read.got, into.size());
    EXPECT_EQ(read.bad, (std::vector<Bad>{{{600'000, 512}, EIO}}));
}

TEST(Shareable, OneCacheInFrontIsEnough) {
    Memory source("x");
    std::unique_ptr<BlockSource> held, second;
    BlockSource& shared = shareable(source, held);
    EXPECT_EQ(&shared, held.get());
    EXPECT_EQ(&shareable(shared, second), &shared);
    EXPECT_FALSE(second);
}
