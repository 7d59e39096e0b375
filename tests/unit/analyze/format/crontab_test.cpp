#include "analyze/format/crontab.h"

#include <gtest/gtest.h>

using namespace kanshiki::format;

TEST(Crontab, UserTable) {
    const auto table = parse_crontab("# comment\nPATH = \"/usr/bin:/bin\"\n@reboot /tmp/.x/evil\n*/5 0-6,12 1 Jan-Mar "
                                     "mon-fri  run it\\%d%line 1%line 2\n",
                                     CrontabStyle::user);
    ASSERT_EQ(table.jobs.size(), 2u);
    EXPECT_EQ(table.unparsed.count, 0u);
    EXPECT_EQ(table.settings[0].name, "PATH");
    EXPECT_EQ(table.settings[0].value, "/usr/bin:/bin");
    EXPECT_EQ(table.jobs[0].schedule, "@reboot");
    EXPECT_EQ(table.jobs[0].command, "/tmp/.x/evil");
    EXPECT_EQ(table.jobs[0].at.line, 3u);
    EXPECT_EQ(table.jobs[0].at.offset, 33u);
    EXPECT_EQ(table.jobs[1].schedule, "*/5 0-6,12 1 Jan-Mar mon-fri");
    EXPECT_EQ(table.jobs[1].command, "run it\\%d");
    EXPECT_EQ(table.jobs[1].input, "line 1%line 2");
}

TEST(Crontab, SystemTableHasUsers) {
    const auto table = parse_crontab("17 *\t* * *\troot\tcd / && run\r\n@daily www-data\t/x y", CrontabStyle::system);
    ASSERT_EQ(table.jobs.size(), 2u);
    EXPECT_EQ(table.jobs[0].user, "root");
    EXPECT_EQ(table.jobs[0].command, "cd / && run");
    EXPECT_EQ(table.jobs[1].user, "www-data");
    EXPECT_EQ(table.jobs[1].command, "/x y");
}

TEST(Crontab, HostileFormsAreReadOrReported) {
    const std::string nul("* * * * * a\0b\n", 14);
    EXPECT_EQ(parse_crontab(nul, CrontabStyle::user).jobs.at(0).command, std::string("a\0b", 3));
    EXPECT_EQ(parse_crontab("  \t@reboot\t\t/x", CrontabStyle::user).jobs.at(0).command, "/x");
    EXPECT_EQ(parse_crontab("-*/1 * * * * /x", CrontabStyle::user).jobs.at(0).command, "/x"); // SUSE
    EXPECT_EQ(parse_crontab("* * * * * A=b /x", CrontabStyle::user).jobs.at(0).command, "A=b /x");
    EXPECT_EQ(parse_crontab("* * * * * " + std::string(1 << 20, 'x'), CrontabStyle::user).jobs.size(), 1u);
    const auto broken =
        parse_crontab("@rebooot /x\n* * * * /x\n* * * * *\n@reboot\n\xff\xfe * * * * x\n", CrontabStyle::user);
    EXPECT_TRUE(broken.jobs.empty());
    EXPECT_EQ(broken.unparsed.count, 5u);
    EXPECT_EQ(broken.unparsed.first[4].line, 5u);
}
