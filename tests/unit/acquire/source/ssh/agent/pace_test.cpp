#include "acquire/source/ssh/agent/pace.h"

#include <gtest/gtest.h>

namespace kanshiki::ssh {
namespace {

using namespace std::chrono_literals;

struct Told {
    uint32_t read, waited, worked, stalled;
};

// Replies of 512 KiB, one every 5 ms.
void tell(Pace& pace, int count, const Told& told) {
    static Pace::Clock::time_point now = Pace::Clock::time_point{} + 1h;
    agent::ReplyHeader reply;
    reply.type = agent::ReplyType::zstd;
    reply.got = 512 * 1024;
    reply.read_us = told.read;
    reply.waited_us = told.waited;
    reply.worked_us = told.worked;
    reply.stalled_us = told.stalled;
    for (int i = 0; i < count; ++i) pace.note(reply, now += 5ms);
}

TEST(Pace, ASlowDiskGetsMoreReadsInFlight) {
    Pace pace({}, 64);
    pace.far_cores(2);
    tell(pace, 100, {100, 0, 1000, 0});
    const unsigned quick = pace.depth();
    EXPECT_LT(quick, 16u);
    tell(pace, 100, {30'000, 0, 1000, 0});
    EXPECT_EQ(pace.depth(), 64u);
    tell(pace, 100, {100, 0, 1000, 0});
    EXPECT_EQ(pace.depth(), quick);
}

TEST(Pace, ALongWayGetsMoreReadsInFlight) {
    Pace pace({}, 64);
    pace.trip(0.05);
    tell(pace, 100, {100, 0, 1000, 0});
    EXPECT_GE(pace.depth(), 60u);
}

TEST(Pace, WhereTheFarCoresAreShortTheLevelGoesDown) {
    Pace pace({}, 64);
    EXPECT_EQ(pace.level(), 1);
    tell(pace, 400, {100, 4000, 1000, 0});
    EXPECT_EQ(pace.level(), -1);
}

TEST(Pace, WhereTheWireIsShortTheLevelGoesUp) {
    Pace pace({}, 64);
    tell(pace, 150, {100, 0, 1000, 4000});
    EXPECT_EQ(pace.level(), 3);
    tell(pace, 1000, {100, 0, 1000, 4000});
    EXPECT_EQ(pace.level(), 9);
}

TEST(Pace, WhereTheDiskIsShortTheLevelStays) {
    Pace pace({}, 64);
    tell(pace, 1000, {50'000, 0, 1000, 0});
    EXPECT_EQ(pace.level(), 1);
}

TEST(Pace, AFixedLevelIsFixed) {
    Pace pace(7, 64);
    tell(pace, 1000, {100, 4000, 1000, 0});
    EXPECT_EQ(pace.level(), 7);
}

} // namespace
} // namespace kanshiki::ssh
