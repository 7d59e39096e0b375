#include "acquire/source/ssh/probe.h"

#include "kanshiki/error.h"

#include <cstdio>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace kanshiki;
using namespace kanshiki::ssh;

namespace {

const std::string begin = "kanshiki-probe=1\n", end = "end=1\n";

std::string refusal(const std::string& output) {
    try {
        parse_probe(output, "host");
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::refused);
        EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
        EXPECT_LT(std::string(error.what()).size(), 400u);
        return error.what();
    }
    return "";
}

} // namespace

TEST(SshProbe, ReadsEveryAnswer) {
    const Probe probe = parse_probe(
        "Welcome!\r\nlast login=yesterday\n" + begin +
            "hostname=web-1\nkernel=6.1.0\nmachine_id=abc\nuser=ec2-user\ncores=8\nhas=dd\nhas=zstd\nhas=gzip\n"
            "zstd_fast=1\ndd_version=dd (coreutils) 9.1\ndd_bytes=1\ntype=block\nreadable=1\npath=/dev/sdb\n"
            "numbers=8:16\nsize=4294967296\nlogical=512\nphysical=4096\nmodel=Amazon Elastic Block Store  \n"
            "serial=vol0123\nused=mounted on /a=b\nused=swap space /dev/sdb2\nclock=1700000000.25\n" +
            end + "logout\n",
        "host");
    EXPECT_EQ(probe.hostname, "web-1");
    EXPECT_EQ(probe.cores, 8u);
    EXPECT_TRUE(probe.dd && probe.zstd && probe.gzip && probe.dd_gnu && probe.dd_bytes && probe.zstd_fast &&
                probe.readable);
    EXPECT_FALSE(probe.lz4);
    EXPECT_EQ(probe.type, PathType::block);
    EXPECT_EQ(probe.size, 4294967296u);
    EXPECT_EQ(probe.logical_sector, 512u);
    EXPECT_EQ(probe.physical_sector, 4096u);
    EXPECT_EQ(probe.model, "Amazon Elastic Block Store");
    EXPECT_EQ(probe.used, (std::vector<std::string>{"mounted on /a=b", "swap space /dev/sdb2"}));
    EXPECT_EQ(probe.clock, "1700000000.25");
}

TEST(SshProbe, EmptyAnswersAreNoAnswers) {
    const Probe probe = parse_probe(begin + "type=file\nsize=\nclock=\nmodel=\n" + end, "host");
    EXPECT_FALSE(probe.size);
    EXPECT_EQ(probe.clock, "");
    EXPECT_FALSE(probe.dd);
}

TEST(SshProbe, AClockWithoutNanosecondsIsTakenForWhatItIs) {
    EXPECT_EQ(parse_probe(begin + "clock=1700000000.%N\n" + end, "h").clock, "1700000000");
    EXPECT_EQ(parse_probe(begin + "clock=now\n" + end, "h").clock, "");
    EXPECT_EQ(parse_probe(begin + "clock=99999999999999999999\n" + end, "h").clock, "");
}

TEST(SshProbe, ControlCharactersAreDisarmed) {
    EXPECT_EQ(parse_probe(begin + "model=a\x1b[2Jb\tc\n" + end, "h").model, "a?[2Jb?c");
}

TEST(SshProbe, RefusesHostileAnswers) {
    const std::string table[] = {
        "",
        "This account is currently not available.\n",
        begin,
        begin + "type=block\n",
        begin + "no answer\n" + end,
        begin + "unknown=1\n" + end,
        begin + "type=block\ntype=file\n" + end,
        begin + "type=socket\n" + end,
        begin + "has=rm\n" + end,
        begin + "size=-1\n" + end,
        begin + "size=18446744073709551616\n" + end,
        begin + "size=9223372036854775808\n" + end,
        begin + "size=12 34\n" + end,
        begin + "size=0x10\n" + end,
        begin + "logical=511\n" + end,
        begin + "logical=0\n" + end,
        begin + "logical=1000\n" + end,
        begin + "logical=2097152\n" + end,
        begin + "readable=2\n" + end,
        begin + "model=" + std::string(10000, 'x') + "\n" + end,
        std::string(100000, 'x'),
    };
    for (const std::string& output : table) EXPECT_NE(refusal(output), "") << output.substr(0, 100);
}

TEST(SshProbe, ManyUsersAreBounded) {
    std::string output = begin;
    for (int i = 0; i < 10000; ++i) output += "used=x\n";
    EXPECT_LE(parse_probe(output + end, "h").used.size(), 64u);
}

// The real script in the real sh, on this machine.
TEST(SshProbe, TheScriptAnswersForAFile) {
    char name[] = "/tmp/kanshiki probe's $(x) XXXXXX";
    const int file = mkstemp(name);
    ASSERT_GE(file, 0);
    ASSERT_EQ(ftruncate(file, 12345), 0);
    setenv("KANSHIKI_TEST_SCRIPT", std::string(probe_script()).c_str(), 1);
    setenv("KANSHIKI_TEST_PATH", name, 1);
    FILE* pipe = popen("sh -c \"$KANSHIKI_TEST_SCRIPT\" kanshiki \"$KANSHIKI_TEST_PATH\" 2>&1", "r");
    std::string out;
    char buffer[4096];
    for (size_t got = 0; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.append(buffer, got);
    pclose(pipe);
    close(file);
    unlink(name);
    const Probe probe = parse_probe(out, "host");
    EXPECT_EQ(probe.type, PathType::file);
    EXPECT_EQ(probe.size, 12345u);
    EXPECT_EQ(probe.real_path, name);
    EXPECT_TRUE(probe.readable && probe.dd && probe.dd_gnu && probe.dd_bytes);
    EXPECT_GT(std::stod(probe.clock), 1.7e9);
    EXPECT_TRUE(probe.used.empty());
}
