#include "acquire/source/ssh/dd_command.h"
#include "acquire/source/ssh/shell.h"

#include <cstdio>
#include <gtest/gtest.h>

using namespace kanshiki;
using namespace kanshiki::ssh;

namespace {

std::string output_of(const std::string& command) {
    FILE* pipe = popen(command.c_str(), "r");
    std::string out;
    char buffer[4096];
    for (size_t got = 0; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;) out.append(buffer, got);
    EXPECT_EQ(pclose(pipe), 0) << command;
    return out;
}

const std::string hostile[] = {
    "/dev/a b",
    "/dev/it's",
    "/dev/''",
    "/dev/$(echo gone)",
    "/dev/`echo gone`",
    "/dev/\"q\"",
    "/dev/a;echo gone",
    "/dev/a\\b\\",
    "/dev/*",
    "/dev/-n",
    "-rf",
    "/dev/a\tb",
    "/dev/!!",
    "/dev/%s%n",
    "/dev/\xff\xfe",
    "/dev/a&b|c>d<e",
    "~",
    "",
};

} // namespace

TEST(FarCommand, AWordStaysOneWord) {
    for (const std::string& word : hostile) EXPECT_EQ(output_of("printf %s " + shell_quoted(word)), word);
}

TEST(FarCommand, ArgumentsReachTheScriptUnchanged) {
    for (const std::string& word : hostile)
        EXPECT_EQ(output_of(far_command("printf \"<%s>\" \"$1\" \"$2\"", {word, "it's"}, false)),
                  "<" + word + "><it's>");
}

TEST(FarCommand, SudoNeverAsks) {
    EXPECT_EQ(far_command("true", {"/dev/x"}, true), "exec sudo -n sh -c 'true' kanshiki '/dev/x'");
    EXPECT_EQ(far_command("true", {}, false), "exec sh -c 'true' kanshiki");
}

TEST(FarCommand, EveryScriptIsOneLineThatOtherLoginShellsTakeToo) {
    Far far{.path = "/dev/x", .gnu = true, .bytes = true, .compressor = Compressor::zstd, .cores = 8};
    const std::string scripts[] = {
        std::string(probe_script()),
        stream_command(far, {0, 1 << 20}, false).line,
        noerror_command(far, {{0, 1024}}, true),
        pieces_command(far, {{0, 1024}}, 512, true),
        direct_check_command(far, 512),
    };
    for (const std::string& script : scripts) {
        EXPECT_EQ(script.find('\n'), std::string::npos);
        EXPECT_EQ(script.find('\\'), std::string::npos);
    }
    EXPECT_EQ(probe_script().find('\''), std::string_view::npos);
}

TEST(FarCommand, StreamAddressesBytesExactly) {
    Far far{.path = "/dev/x", .bytes = true};
    const StreamCommand exact = stream_command(far, {524288 + 512, 1000}, false);
    EXPECT_EQ(exact.start, 524800u);
    EXPECT_EQ(exact.count, 1000u);
    EXPECT_NE(exact.line.find("bs=1048576 iflag=fullblock,skip_bytes,count_bytes skip=524800 count=1000"),
              std::string::npos)
        << exact.line;
}

// A dd that counts in blocks only: begins on a block, covers what was asked, and the numbers agree.
TEST(FarCommand, StreamInBlocksCoversTheRange) {
    Far far{.path = "/dev/x"};
    const Range table[] = {{0, 1 << 30},     {524288, 524288},
                           {512, 512},       {1048576 + 512, 5000000},
                           {65536, 1},       {UINT64_C(1) << 43, 1 << 20},
                           {3 * 524288, 100}};
    for (const Range& range : table) {
        const StreamCommand command = stream_command(far, range, false);
        EXPECT_LE(command.start, range.offset);
        EXPECT_LT(range.offset - command.start, 65536u);
        EXPECT_GE(command.start + command.count, range.end());
        unsigned long long block = 0, skip = 0, count = 0;
        ASSERT_EQ(sscanf(command.line.c_str() + command.line.find("bs="), "bs=%llu skip=%llu count=%llu", &block, &skip,
                         &count),
                  3)
            << command.line;
        EXPECT_EQ(block * skip, command.start);
        EXPECT_EQ(block * count, command.count);
    }
}

TEST(FarCommand, CompressorIsWhatWasChosen) {
    Far far{.path = "/dev/x", .bytes = true, .zstd_fast = true, .cores = 96};
    far.compressor = Compressor::zstd;
    EXPECT_NE(stream_command(far, {0, 1}, false).line.find("| zstd -1 -q -c -T4'"), std::string::npos);
    EXPECT_NE(stream_command(far, {0, 1}, true).line.find("| zstd --fast=2 -q -c -T4'"), std::string::npos);
    far.zstd_fast = false;
    EXPECT_NE(stream_command(far, {0, 1}, true).line.find("| zstd -1 "), std::string::npos);
    far.compressor = Compressor::none;
    EXPECT_EQ(stream_command(far, {0, 1}, false).line.find('|'), std::string::npos);
}
