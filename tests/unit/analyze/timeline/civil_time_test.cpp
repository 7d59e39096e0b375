#include "analyze/timeline/civil_time.h"

#include <ctime>
#include <gtest/gtest.h>

using namespace kanshiki;

TEST(CivilTime, KnownDates) {
    EXPECT_EQ(iso8601({0, 0}, 0), "1970-01-01T00:00:00Z");
    EXPECT_EQ(iso8601({-1, 999'999'999}, 9), "1969-12-31T23:59:59.999999999Z");
    EXPECT_EQ(iso8601({951782400, 0}, 0), "2000-02-29T00:00:00Z");
    EXPECT_EQ(iso8601({4102444799, 5'000}, 6), "2099-12-31T23:59:59.000005Z");
    EXPECT_EQ(iso8601({15032385535, 0}, 0), "2446-05-10T22:38:55Z"); // the last second ext4 can hold
    EXPECT_EQ(iso8601({-2147483648, 0}, 0), "1901-12-13T20:45:52Z");
    EXPECT_EQ(iso8601_offset({0, 0}, 6), "1970-01-01T00:00:00.000000+00:00");
}

TEST(CivilTime, WhatADiskMaySay) {
    EXPECT_EQ(iso8601({INT64_MAX, 0}, 0), "292277026596-12-04T15:30:07Z");
    EXPECT_EQ(iso8601({INT64_MIN, 0}, 0), "-292277022657-01-27T08:29:52Z");
    EXPECT_EQ(iso8601({0, UINT32_MAX}, 9).size(), std::string("1970-01-01T00:00:00.000000000Z").size());
}

TEST(CivilTime, AgreesWithGmtime) {
    for (int64_t second = -5'000'000'000; second < 20'000'000'000; second += 12'345'677) {
        const time_t time = second;
        tm parts{};
        gmtime_r(&time, &parts);
        char text[40];
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
        ASSERT_EQ(iso8601({second, 0}, 0), text);
    }
}

TEST(CivilTime, MicrosecondsDoNotOverflow) {
    EXPECT_EQ(microseconds({1, 2'000}), 1'000'002);
    EXPECT_EQ(microseconds({-1, 500'000'000}), -500'000);
    EXPECT_GT(microseconds({INT64_MAX, 999'999'999}), 0);
    EXPECT_LT(microseconds({INT64_MIN, 0}), 0);
}
