#include "analyze/format/ld_preload.h"
#include "analyze/format/unit_file.h"

#include <gtest/gtest.h>

using namespace kanshiki::format;

TEST(UnitFile, SectionsSettingsAndContinuation) {
    const auto unit = parse_unit_file("[Unit]\nDescription=x\n; note\n[Service]\nExecStart=-/bin/sh \\\n# comment "
                                      "inside\n  -c 'a' \\\n  b\nUser = www\nnonsense\nExecStop=/x \\");
    ASSERT_EQ(unit.entries.size(), 4u);
    EXPECT_EQ(unit.entries[1].section, "Service");
    EXPECT_EQ(unit.entries[1].key, "ExecStart");
    EXPECT_EQ(unit.entries[1].value, "-/bin/sh -c 'a' b");
    EXPECT_EQ(unit.entries[1].at.line, 5u);
    EXPECT_EQ(unit.entries[2].value, "www");
    EXPECT_EQ(unit.entries[3].key, "ExecStop");
    EXPECT_EQ(unit.unparsed.count, 1u);
    EXPECT_EQ(unit.unparsed.first[0].line, 10u);
}

TEST(UnitFile, ExecPrefixes) {
    EXPECT_EQ(without_exec_prefix(" -@:+!!/bin/x a"), "/bin/x a");
    EXPECT_EQ(without_exec_prefix("-"), "");
    EXPECT_TRUE(is_exec_key("ExecStartPre"));
    EXPECT_FALSE(is_exec_key("Environment"));
}

TEST(UnitFile, HostileBytes) {
    EXPECT_EQ(parse_unit_file("[").entries.size(), 0u);
    EXPECT_EQ(parse_unit_file("\\").entries.size(), 0u);
    EXPECT_EQ(parse_unit_file(std::string("[S]\nA=\0\xff\n", 10)).entries.at(0).value, std::string("\0\xff", 2));
    EXPECT_EQ(parse_unit_file("A=" + std::string(1 << 20, '\\')).entries.size(), 1u);
}

TEST(LdPreload, Separators) {
    const auto list = parse_ld_preload("/lib/a.so /lib/b.so:/lib/c.so # /lib/no.so\n\n\t/lib/d.so");
    ASSERT_EQ(list.entries.size(), 4u);
    EXPECT_EQ(list.entries[2].path, "/lib/c.so");
    EXPECT_EQ(list.entries[3].at.line, 3u);
    EXPECT_EQ(parse_ld_preload(std::string(1 << 20, ':')).entries.size(), 0u);
    EXPECT_GT(parse_ld_preload([] {
                  std::string s;
                  for (int i = 0; i < 5000; ++i) s += "a ";
                  return s;
              }())
                  .unparsed.count,
              0u);
}
