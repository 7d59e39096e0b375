#include "acquire/block/bisect.h"

#include "kanshiki/error.h"

#include <cerrno>
#include <gmock/gmock.h>
#include <set>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized" // GCC 12 with sanitizers, inside <stop_token>: not so
#endif

namespace kanshiki {
namespace {

constexpr uint64_t sector = 512;

// A disk whose given sectors fail; counts what it is asked.
struct Disk {
    std::set<uint64_t> bad;
    int errors_left = -1; // a fault that heals after as many reads
    std::vector<Range> trace = {};

    int read(uint64_t offset, std::span<std::byte> into) {
        trace.push_back({offset, into.size()});
        for (uint64_t at = offset / sector; at * sector < offset + into.size(); ++at)
            if (bad.contains(at) && errors_left-- != 0) return EIO;
        std::fill(into.begin(), into.end(), std::byte{0xAB});
        return 0;
    }
};

std::vector<Bad> run(Disk& disk, std::vector<std::byte>& bytes, uint64_t offset = 0, unsigned retries = 1) {
    const ReadExactly read = [&](uint64_t at, std::span<std::byte> into) { return disk.read(at, into); };
    return read_bisecting(offset, bytes, {sector, retries}, read, std::stop_token());
}

TEST(Bisect, WhatHasNoTimeLeftIsGivenUpUntried) {
    Disk disk{{1}};
    std::vector<std::byte> bytes(8 * sector, std::byte{1});
    const ReadExactly read = [&](uint64_t at, std::span<std::byte> into) { return disk.read(at, into); };
    const Bisection how{sector, 1, std::chrono::steady_clock::now() - std::chrono::seconds(1)};
    const std::vector<Bad> bad = read_bisecting(0, bytes, how, read, {});
    EXPECT_EQ(bad, (std::vector<Bad>{{{0, 8 * sector}, ETIMEDOUT}}));
    EXPECT_TRUE(disk.trace.empty());
    EXPECT_EQ(bytes, std::vector<std::byte>(8 * sector)) << "zero in its own place";
}

TEST(Bisect, EveryPatternOfEightSectorsIsFoundExactly) {
    for (unsigned pattern = 0; pattern < 256; ++pattern) {
        Disk disk;
        std::vector<std::byte> bytes(8 * sector, std::byte{0x11}), expected(8 * sector, std::byte{0xAB});
        for (unsigned i = 0; i < 8; ++i)
            if (pattern >> i & 1) {
                disk.bad.insert(100 + i);
                std::fill_n(expected.begin() + i * sector, sector, std::byte{0});
            }
        uint64_t found = 0;
        for (const Bad& bad : run(disk, bytes, 100 * sector)) {
            EXPECT_EQ(bad.error, EIO);
            for (uint64_t at = bad.range.offset; at < bad.range.end(); at += sector) found |= 1u << (at / sector - 100);
        }
        EXPECT_EQ(found, pattern);
        EXPECT_EQ(bytes, expected) << pattern;
    }
}

TEST(Bisect, NeighboursAreOneRange) {
    Disk disk{.bad = {3, 4, 5, 9}};
    std::vector<std::byte> bytes(16 * sector);
    EXPECT_THAT(run(disk, bytes),
                testing::ElementsAre(Bad{{3 * sector, 3 * sector}, EIO}, Bad{{9 * sector, sector}, EIO}));
}

TEST(Bisect, AGoodRangeIsReadOnceAndOneBadSectorCostsTwoReadsPerHalving) {
    Disk good;
    std::vector<std::byte> bytes(1024 * sector);
    EXPECT_TRUE(run(good, bytes).empty());
    EXPECT_EQ(good.trace.size(), 1u);
    Disk one{.bad = {700}};
    EXPECT_EQ(run(one, bytes, 0, 0).size(), 1u);
    EXPECT_EQ(one.trace.size(), 1u + 2 * 10) << "1024 sectors are halved ten times";
}

TEST(Bisect, AShortLastSectorIsKept) {
    Disk disk{.bad = {2}};
    std::vector<std::byte> bytes(2 * sector + 100);
    EXPECT_THAT(run(disk, bytes), testing::ElementsAre(Bad{{2 * sector, 100}, EIO}));
    EXPECT_EQ(bytes[2 * sector - 1], std::byte{0xAB});
}

TEST(Bisect, ASectorThatHealsOnRetryIsNotLost) {
    Disk disk{.bad = {1}, .errors_left = 3}; // whole, half, sector fail; the retry succeeds
    std::vector<std::byte> bytes(4 * sector);
    EXPECT_TRUE(run(disk, bytes).empty());
    EXPECT_EQ(bytes, std::vector<std::byte>(4 * sector, std::byte{0xAB}));
}

TEST(Bisect, AStopRequestEndsTheSearch) {
    std::stop_source stop;
    std::vector<std::byte> bytes(64 * sector);
    unsigned reads = 0;
    try {
        read_bisecting(
            0, bytes, {sector, 0},
            [&](uint64_t, std::span<std::byte>) {
                if (++reads == 5) stop.request_stop();
                return EIO;
            },
            stop.get_token());
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::interrupted);
    }
    EXPECT_EQ(reads, 5u);
}

} // namespace
} // namespace kanshiki
