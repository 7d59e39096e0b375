#include "analyze/timeline/l2tcsv.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace kanshiki {
namespace {

TEST(CsvCell, NoFormulaNoNewLine) {
    EXPECT_EQ(csv_cell("plain"), "plain");
    EXPECT_EQ(csv_cell("a,b"), "\"a,b\"");
    EXPECT_EQ(csv_cell("say \"x\""), "\"say \"\"x\"\"\"");
    EXPECT_EQ(csv_cell("a\r\nb\tc"), "a\\x0d\\x0ab\\x09c");
    for (const std::string formula : {"=1+1", "+1", "-1", "@SUM(A1)", "=cmd|'C calc'!A0", " =1", "'=1"}) {
        std::string cell = csv_cell(formula);
        std::erase(cell, '"');
        EXPECT_EQ(cell.front(), '\'') << formula;
    }
    EXPECT_EQ(csv_cell("\xff\x1b[31m"), "\\xff\\x1b[31m");
    EXPECT_EQ(csv_cell(""), "");
}

TEST(L2tcsv, SeventeenColumns) {
    ListedFile file;
    file.path = "/etc/passwd";
    file.volume = 1;
    file.info.inode = 12;
    file.info.size = 32;
    file.info.uid = 1000;
    const TimelineEntry entry{{1'234'567'890, 123'456'789}, 0, time_modified | time_created};
    EXPECT_EQ(l2tcsv_line(file, entry, "/p1", "ext4"),
              "02/13/2009,23:31:30,UTC,M..B,FILE,\"ext4 inode\",\"Content Modification Time; Creation Time\",1000,-,"
              "/p1/etc/passwd,/p1/etc/passwd,2,/p1/etc/passwd,12,-,kanshiki,"
              "\"volume: 1; size: 32; ns: 123456789\"\n");
    EXPECT_EQ(std::ranges::count(l2tcsv_header(), ','), 16);
}

TEST(L2tcsv, TheYearsAtTheEdgesOfTime) {
    ListedFile file;
    file.path = "/f";
    EXPECT_TRUE(
        l2tcsv_line(file, {{253'402'300'800, 0}, 0, time_modified}, "", "xfs").starts_with("01/01/10000,00:00:00,"));
    EXPECT_TRUE(
        l2tcsv_line(file, {{-62'198'755'200, 0}, 0, time_accessed}, "", "xfs").starts_with("01/01/-0001,00:00:00,"));
}

} // namespace
} // namespace kanshiki
