#include "analyze/format/lines.h"

#include <gtest/gtest.h>

using namespace kanshiki::format;

namespace {

struct Seen {
    std::string text;
    uint64_t offset, number;
    bool cut;
    bool operator==(const Seen&) const = default;
};

std::vector<Seen> split_in_pieces(std::string_view text, size_t piece, size_t limit) {
    std::vector<Seen> seen;
    LineSplitter splitter(limit, [&](const Line& line) {
        seen.push_back({std::string(line.text), line.offset, line.number, line.cut});
    });
    for (size_t at = 0; at < text.size(); at += piece) splitter.feed(text.substr(at, piece));
    splitter.finish();
    return seen;
}

} // namespace

TEST(Lines, LastLineNeedsNoNewlineAndCrIsTakenOff) {
    using namespace std::string_view_literals;
    std::vector<Seen> seen;
    for_each_line("a\r\n\nb\0c\nlast"sv, [&](const Line& line) {
        seen.push_back({std::string(line.text), line.offset, line.number, line.cut});
    });
    EXPECT_EQ(
        seen,
        (std::vector<Seen>{
            {"a", 0, 1, false}, {"", 3, 2, false}, {std::string("b\0c", 3), 4, 3, false}, {"last", 8, 4, false}}));
}

TEST(Lines, SplitterGivesTheSameForAnyPieces) {
    using namespace std::string_view_literals;
    const auto text = "one\ntwo\r\n\nthree \0 with NUL\n0123456789abcdef\nlast\r"sv;
    const auto whole = split_in_pieces(text, text.size(), 16);
    for (size_t piece = 1; piece < text.size(); ++piece) EXPECT_EQ(split_in_pieces(text, piece, 16), whole) << piece;
    ASSERT_EQ(whole.size(), 6u);
    EXPECT_EQ(whole[1], (Seen{"two", 4, 2, false}));
    EXPECT_EQ(whole[3], (Seen{std::string("three \0 with NUL", 16), 10, 4, false}));
    EXPECT_EQ(whole[4], (Seen{"0123456789abcdef", 27, 5, false}));
    EXPECT_EQ(whole[5].offset, 44u);
}

TEST(Lines, LongLineIsCutNotLost) {
    const std::string text = std::string(1 << 20, 'x') + "\nnext";
    for (const size_t piece : {size_t{1000}, size_t{1} << 21}) {
        const auto seen = split_in_pieces(text, piece, 4096);
        ASSERT_EQ(seen.size(), 2u);
        EXPECT_EQ(seen[0].text.size(), 4096u);
        EXPECT_TRUE(seen[0].cut);
        EXPECT_EQ(seen[1], (Seen{"next", (1 << 20) + 1, 2, false}));
    }
}

TEST(Lines, NumbersAreDigitsOnly) {
    EXPECT_EQ(decimal("0012"), 12u);
    EXPECT_FALSE(decimal(""));
    EXPECT_FALSE(decimal("-1"));
    EXPECT_FALSE(decimal("1 "));
    EXPECT_FALSE(decimal("18446744073709551616"));
}

TEST(Lines, UnparsedKeepsTheFirstAndCountsTheRest) {
    Unparsed unparsed;
    for (int i = 0; i < 1000; ++i) unparsed.add(Line{}, "why");
    EXPECT_EQ(unparsed.first.size(), Unparsed::kept);
    EXPECT_EQ(unparsed.count, 1000u);
}
