#include "kanshiki/escape.h"

#include <gtest/gtest.h>

namespace kanshiki {
namespace {

struct Row {
    std::string_view bytes, terminal, json, html;
};

TEST(Escape, Table) {
    using namespace std::string_view_literals;
    const Row rows[] = {
        {"plain"sv, "plain", "plain", "plain"},
        {"鑑識 é"sv, "鑑識 é", "鑑識 é", "鑑識 é"},
        {"a\nb\x1b[31m"sv, "a\\x0ab\\x1b[31m", "a\nb\x1b[31m", "a\\x0ab\\x1b[31m"},
        {"nul\0"sv, "nul\\x00", "nul\0"sv, "nul\\x00"},
        {"\\x41"sv, "\\\\x41", "\\\\x41", "\\\\x41"},
        {"\xff\xc0\xaf"sv, "\\xff\\xc0\\xaf", "\\xff\\xc0\\xaf", "\\xff\\xc0\\xaf"},                 // never, and overlong
        {"\xed\xa0\x80"sv, "\\xed\\xa0\\x80", "\\xed\\xa0\\x80", "\\xed\\xa0\\x80"},                 // a surrogate
        {"\xf4\x90\x80\x80"sv, "\\xf4\\x90\\x80\\x80", "\\xf4\\x90\\x80\\x80", "\\xf4\\x90\\x80\\x80"}, // beyond Unicode
        {"cut\xe9\x91"sv, "cut\\xe9\\x91", "cut\\xe9\\x91", "cut\\xe9\\x91"},
        {"\xc2\x9b""1m"sv, "\\xc2\\x9b1m", "\xc2\x9b""1m", "\\xc2\\x9b1m"},                          // C1 CSI
        {"gpj\xe2\x80\xae.exe"sv, "gpj\\xe2\\x80\\xae.exe", "gpj\xe2\x80\xae.exe", "gpj\\xe2\\x80\\xae.exe"}, // bidi override
        {"<a href='x'>&\""sv, "<a href='x'>&\"", "<a href='x'>&\"", "&lt;a href=&#39;x&#39;&gt;&amp;&quot;"},
    };
    for (const Row& row : rows) {
        EXPECT_EQ(escape_terminal(row.bytes), row.terminal);
        EXPECT_EQ(to_utf8_lossless(row.bytes), row.json);
        EXPECT_EQ(escape_html(row.bytes), row.html);
    }
}

} // namespace
} // namespace kanshiki
