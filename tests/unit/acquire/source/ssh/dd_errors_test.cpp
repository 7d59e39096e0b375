#include "acquire/source/ssh/dd_command.h"

#include <gtest/gtest.h>

using namespace kanshiki;
using namespace kanshiki::ssh;
using Lines = std::deque<std::string>;

TEST(DdErrors, StatusIsToldApartFromTheCompressors) {
    const DdStatus done = dd_status({"4+0 records in", "4+0 records out",
                                     "4194304 bytes (4.2 MB, 4.0 MiB) copied, 0.1 s, 42 MB/s", "kanshiki-dd-status 0"});
    EXPECT_EQ(done.status, 0);
    EXPECT_EQ(done.message, "");
    EXPECT_FALSE(done.read_error);
    EXPECT_FALSE(dd_status({"zstd: error 70 : Write error : Broken pipe"}).status);
    EXPECT_FALSE(dd_status({"kanshiki-dd-status 9999"}).status);
    EXPECT_FALSE(dd_status({"kanshiki-dd-status "}).status);
    EXPECT_FALSE(dd_status({" kanshiki-dd-status 0"}).status);
    EXPECT_EQ(dd_status({"zstd: warning", "kanshiki-dd-status 1"}).message, "zstd: warning");
}

TEST(DdErrors, AReadErrorIsTheMediumOnlyWhenItMayBe) {
    const std::pair<const char*, bool> table[] = {
        {"dd: error reading '/dev/sdb': Input/output error", true},
        {"dd: error reading '/dev/sdb': No data available", true},
        {"dd: error reading '/dev/sdb': Connection timed out", true},
        {"/usr/bin/dd: error reading '/dev/sdb': Input/output error", true},
        {"xdd: error reading '/dev/sdb': Input/output error", false},
        {"cat /bin/dd: Input/output error", false},
        {"dd: /dev/sdb: Input/output error", true},
        {"dd: read error: I/O error", true},
        {"dd: reading `/dev/sdb': Input/output error", true},
        {"dd: error reading '/dev/sdb': No such device or address", false},
        {"dd: error reading '/mnt/disk': Transport endpoint is not connected", false},
        {"dd: failed to open '/dev/sdb': Input/output error", false},
        {"dd: can't open '/dev/sdb': Permission denied", false},
        {"dd: error writing 'standard output': Input/output error", false},
        {"zstd: error 70 : Input/output error", false},
        {"", false},
    };
    for (const auto& [line, medium] : table)
        EXPECT_EQ(dd_status({line, "kanshiki-dd-status 1"}).read_error, medium) << line;
}

TEST(DdErrors, MessagesAreBounded) { EXPECT_LT(dd_status({std::string(100000, 'x')}).message.size(), 400u); }

// As GNU dd 9.1 printed it for sectors 2, 3 and 7 of 8.
TEST(DdErrors, NoerrorReportGivesTheIndexOfEachBadBlock) {
    const Lines lines = {
        "dd: error reading '/d': Input/output error",
        "2+0 records in",
        "2+0 records out",
        "1024 bytes (1.0 kB, 1.0 KiB) copied, 0.1 s, 1 kB/s",
        "dd: error reading '/d': Input/output error",
        "2+1 records in",
        "3+0 records out",
        "1536 bytes (1.5 kB, 1.5 KiB) copied, 0.1 s, 1 kB/s",
        "dd: error reading '/d': Input/output error",
        "5+2 records in",
        "7+0 records out",
        "3584 bytes (3.6 kB, 3.5 KiB) copied, 0.1 s, 1 kB/s",
        "5+3 records in",
        "8+0 records out",
        "4096 bytes (4.1 kB, 4.0 KiB) copied, 0.1 s, 1 kB/s",
        "kanshiki-dd-status 0",
    };
    const Runs runs = parse_noerror(lines, {{0, 4096}}, 512);
    ASSERT_TRUE(runs.understood) << runs.why;
    EXPECT_EQ(runs.bad, (std::vector<std::vector<uint64_t>>{{2, 3, 7}}));
}

TEST(DdErrors, NoerrorReportOfTwoRuns) {
    const Lines lines = {
        "dd: error reading '/d': Input/output error",
        "0+0 records in",
        "0+0 records out",
        "0+1 records in",
        "1+0 records out",
        "kanshiki-dd-status 1",
        "2+0 records in",
        "2+0 records out",
        "kanshiki-dd-status 0",
    };
    const Runs runs = parse_noerror(lines, {{0, 512}, {8192, 1024}}, 512);
    ASSERT_TRUE(runs.understood) << runs.why;
    EXPECT_EQ(runs.bad, (std::vector<std::vector<uint64_t>>{{0}, {}}));
}

TEST(DdErrors, ANoerrorReportThatDisagreesIsNotReliedOn) {
    const std::string error = "dd: error reading '/d': Input/output error", status = "kanshiki-dd-status 0";
    const Lines table[] = {
        {},
        {"2+0 records in"},                                                           // no end
        {"1+0 records in", status},                                                   // did not get through
        {"3+0 records in", status},                                                   // more than asked for
        {error, status},                                                              // an error without counts
        {error, "2+0 records in", "2+0 records in", status},                          // beyond the run
        {error, "1+0 records in", error, "1+0 records in", "0+2 records in", status}, // twice the same
        {error, "1+0 records in", error, "0+0 records in", "0+2 records in", status}, // backwards
        {error, error, "0+0 records in", "1+1 records in", status},
        {error, "18446744073709551615+1 records in", "1+1 records in", status},
        {"1+0 records in", error, "0+1 records in", "1+1 records in", status}, // an error line is missing
        {"1+0 records in", "2+0 records in", status},
        {"x+y records in", status},
        {"2+0 records in", status, "2+0 records in", status}, // a run too many
        {"2+0 records in", status, status},
    };
    for (const Lines& lines : table) {
        const Runs runs = parse_noerror(lines, {{0, 1024}}, 512);
        EXPECT_FALSE(runs.understood) << ::testing::PrintToString(lines);
        EXPECT_NE(runs.why, "");
    }
}

TEST(DdErrors, PiecesAreNamedByTheirIndex) {
    const Runs runs = parse_pieces(
        {"kanshiki-bad 17", "kanshiki-bad 18", "kanshiki-dd-status 0", "kanshiki-bad 100", "kanshiki-dd-status 0"},
        {{16 * 512, 4 * 512}, {100 * 512, 300}}, 512);
    ASSERT_TRUE(runs.understood);
    EXPECT_EQ(runs.bad, (std::vector<std::vector<uint64_t>>{{1, 2}, {0}}));
    const Lines wrong[] = {{},
                           {"kanshiki-bad 4", "kanshiki-dd-status 0"},
                           {"kanshiki-bad 1", "kanshiki-bad 1", "kanshiki-dd-status 0"},
                           {"kanshiki-bad 1", "kanshiki-bad 0", "kanshiki-dd-status 0"},
                           {"kanshiki-bad ", "kanshiki-dd-status 0"},
                           {"kanshiki-bad x", "kanshiki-dd-status 0"},
                           {"kanshiki-dd-status 0", "kanshiki-bad 0"},
                           {"kanshiki-dd-status 0", "kanshiki-dd-status 0"}};
    for (const Lines& lines : wrong)
        EXPECT_FALSE(parse_pieces(lines, {{0, 4 * 512}}, 512).understood) << ::testing::PrintToString(lines);
}
