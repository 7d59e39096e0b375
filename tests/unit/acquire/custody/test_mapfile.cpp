#include "support/folder.h"

#include "kanshiki/error.h"
#include "kanshiki/mapfile.h"

#include <array>
#include <cstdio>
#include <sys/wait.h>

namespace kanshiki {
namespace {

using test::Folder;

std::string shell(const std::string& command, int& status) {
    std::string out;
    std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    std::array<char, 4096> buffer;
    while (const size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe)) out.append(buffer.data(), n);
    const int result = ::pclose(pipe);
    status = WIFEXITED(result) ? WEXITSTATUS(result) : -1;
    return out;
}

std::string refusal(const std::string& text) {
    try {
        parse_mapfile(text, "x.map");
    } catch (const Error& e) {
        EXPECT_EQ(e.code(), ExitCode::never_valid);
        return e.what();
    }
    return "accepted";
}

const std::vector<Bad> three_bad{{{512, 512}, 5}, {{1024, 1024}, 61}, {{1 << 20, 4096}, 5}};

TEST(Mapfile, RowsCoverTheImageAndNeighboursAreMerged) {
    const uint64_t size = 3u << 20;
    const auto rows = parse_mapfile(render_mapfile(size, size, three_bad, "kanshiki\nsecond line"), "x.map");
    const std::vector<MapRow> expected{{{0, 512}, '+'},
                                       {{512, 1536}, '-'},
                                       {{2048, (1 << 20) - 2048}, '+'},
                                       {{1 << 20, 4096}, '-'},
                                       {{(1 << 20) + 4096, (2 << 20) - 4096}, '+'}};
    EXPECT_EQ(rows, expected);
}

TEST(Mapfile, AnUnfinishedImageEndsInNonTried) {
    const auto rows = parse_mapfile(render_mapfile(10'000, 4096, {}, ""), "x.map");
    EXPECT_EQ(rows, (std::vector<MapRow>{{{0, 4096}, '+'}, {{4096, 5904}, '?'}}));
    EXPECT_EQ(parse_mapfile(render_mapfile(10'000, 0, {}, ""), "x.map"), (std::vector<MapRow>{{{0, 10'000}, '?'}}));
}

TEST(Mapfile, FirstAndLastByteUnreadable) {
    const std::vector<Bad> ends{{{0, 512}, 5}, {{9728, 512}, 5}};
    EXPECT_EQ(parse_mapfile(render_mapfile(10'240, 10'240, ends, ""), "x.map"),
              (std::vector<MapRow>{{{0, 512}, '-'}, {{512, 9216}, '+'}, {{9728, 512}, '-'}}));
    const std::vector<Bad> all{{{0, 10'240}, 5}};
    EXPECT_EQ(parse_mapfile(render_mapfile(10'240, 10'240, all, ""), "x.map"),
              (std::vector<MapRow>{{{0, 10'240}, '-'}}));
}

TEST(Mapfile, AnEmptyImageHasOneEmptyRow) {
    EXPECT_EQ(parse_mapfile(render_mapfile(0, 0, {}, ""), "x.map"), (std::vector<MapRow>{{{0, 0}, '+'}}));
}

TEST(Mapfile, DdrescuelogAcceptsItAndCountsTheSameBytes) {
    const Folder folder;
    const uint64_t size = 3u << 20;
    test::put(folder / "m", render_mapfile(size, 2u << 20, three_bad, "made by a test"));
    int status = 0;
    const std::string out = shell("LC_ALL=C ddrescuelog -t '" + (folder / "m").string() + "'", status);
    EXPECT_EQ(status, 0) << out;
    EXPECT_NE(out.find("mapfile extent:    3145 kB"), std::string::npos) << out;
    EXPECT_NE(out.find("non-tried:    1048 kB"), std::string::npos) << out;
    EXPECT_NE(out.find("bad-sector:     5632 B"), std::string::npos) << out;
    // The blocks of 512 bytes that it lists as bad are those of ours.
    const std::string blocks = shell("LC_ALL=C ddrescuelog -l- '" + (folder / "m").string() + "'", status);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(blocks, "1\n2\n3\n2048\n2049\n2050\n2051\n2052\n2053\n2054\n2055\n");
    // Not done while a range is bad or not tried; done when all is finished.
    shell("ddrescuelog -D '" + (folder / "m").string() + "'", status);
    EXPECT_NE(status, 0);
    test::put(folder / "m", render_mapfile(size, size, {}, ""));
    EXPECT_EQ(shell("ddrescuelog -D '" + (folder / "m").string() + "'", status), "");
    EXPECT_EQ(status, 0);
}

TEST(Mapfile, WhatDdrescuelogWritesIsRead) {
    const Folder folder;
    test::put(folder / "blocks", "3\n4\n9\n");
    int status = 0;
    const std::string text = shell("ddrescuelog -c -b 512 - < '" + (folder / "blocks").string() + "'", status);
    ASSERT_EQ(status, 0) << text;
    const auto rows = parse_mapfile(text, "x.map");
    uint64_t finished = 0;
    for (const MapRow& row : rows)
        if (row.status == '+') finished += row.range.size;
    EXPECT_EQ(finished, 3u * 512);
}

TEST(Mapfile, NumbersInAllBasesThatDdrescueWrites) {
    EXPECT_EQ(parse_mapfile("0 + 1\n0 010 +\n8 0x8 -\r\n0X10 16 +   # why\n", "x.map"),
              (std::vector<MapRow>{{{0, 8}, '+'}, {{8, 8}, '-'}, {{16, 16}, '+'}}));
}

TEST(Mapfile, HostileTextIsRefusedWithItsLine) {
    const std::string head = "# c\n0x0 + 1\n";
    const std::pair<std::string, std::string> cases[] = {
        {"", "no status line"},
        {"# only a comment\n", "no status line"},
        {head, "no rows"},
        {"hello world\n", "line 1: not the status line"},
        {"0x0 + 1 9\n", "not the status line"},
        {"0x0 @ 1\n", "not the status line"},
        {"0x0 ++ 1\n", "not the status line"},
        {head + "0x0 0x10\n", "line 3: a row has three fields"},
        {head + "0x0 0x10 + +\n", "three fields"},
        {head + "0x0 0x10 x\n", "unknown status"},
        {head + "0x0 0x10 +\n0x8 0x8 +\n", "line 4: row overlaps"},
        {head + "0x0 0x10 +\n0x18 0x8 +\n", "line 4: gap"},
        {head + "0x8 0x8 +\n", "gap"},
        {head + "0x0 0x10 +\n0x10 0x0 +\n", "empty row"},
        {head + "0x0 0x0 +\n0x0 0x10 +\n", "empty row"},
        {head + "0x0 0x7FFFFFFFFFFFFFFF +\n0x7FFFFFFFFFFFFFFF 0x1 +\n", "beyond"},
        {head + "0x0 0x8000000000000000 +\n", "not a number"},
        {head + "0x0 0xFFFFFFFFFFFFFFFFFF +\n", "not a number"},
        {head + "0x0 -5 +\n", "not a number"},
        {head + "0x0 0x +\n", "not a number"},
        {head + "0x0 09 +\n", "not a number"},
        {head + "0x0 16k +\n", "not a number"},
        {head + std::string("0x0 0x10 +\0\n", 12), "NUL"},
        {std::string(1 << 20, 'a'), "not the status line"},
        {head + std::string(1 << 20, '('), "three fields"},
    };
    for (const auto& [text, why] : cases) {
        const std::string message = refusal(text);
        EXPECT_NE(message.find(why), std::string::npos) << "got: " << message << "\nfor: " << text.substr(0, 200);
        EXPECT_LT(message.size(), 200u);
    }
}

} // namespace
} // namespace kanshiki
