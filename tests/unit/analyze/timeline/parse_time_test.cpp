#include "analyze/timeline/parse_time.h"

#include <gtest/gtest.h>

namespace kanshiki {
namespace {

TEST(ParseTime, WhatPeopleType) {
    EXPECT_EQ(parse_time("2009-02-13", false), (Timestamp{1'234'483'200, 0}));
    EXPECT_EQ(parse_time("2009-02-13", true), (Timestamp{1'234'569'599, 999'999'999})) << "the whole day";
    EXPECT_EQ(parse_time("2009-02-13T23:31", true), (Timestamp{1'234'567'860, 0}));
    EXPECT_EQ(parse_time("2009-02-13T23:31:30Z", false), (Timestamp{1'234'567'890, 0}));
    EXPECT_EQ(parse_time("2009-02-13 23:31:30.25", false), (Timestamp{1'234'567'890, 250'000'000}));
    EXPECT_EQ(parse_time("2009-02-14T08:31:30.000000001+09:00", false), (Timestamp{1'234'567'890, 1}));
    EXPECT_EQ(parse_time("2009-02-13T18:01:30-05:30", false), (Timestamp{1'234'567'890, 0}));
    EXPECT_EQ(parse_time("1901-01-01T00:00:00Z", false)->seconds, -2'177'452'800);
}

TEST(ParseTime, WhatIsNone) {
    for (const char* text : {"", "yesterday", "2009", "2009-2-13", "2009-02-30", "2009-13-01", "2009-02-13T",
                             "2009-02-13T24:00", "2009-02-13T23:60", "2009-02-13T23:31:30.", "2009-02-13T23:31:30z",
                             "2009-02-13T23:31+9", "2009-02-13x", "2009-02-13T23:31:30+09:00x"})
        EXPECT_FALSE(parse_time(text, false)) << text;
}

} // namespace
} // namespace kanshiki
