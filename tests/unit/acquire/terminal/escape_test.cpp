#include "kanshiki/escape.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace kanshiki;
using namespace std::string_literals;

TEST(Escape, TerminalLeavesOrdinaryTextAlone) {
    EXPECT_EQ(escape_terminal("/home/müller/鑑識 \\ \"x\" <b>"), "/home/müller/鑑識 \\ \"x\" <b>");
    EXPECT_EQ(escape_terminal(""), "");
}

TEST(Escape, PlainIsWhatNothingEscapes) {
    for (int byte = 0; byte < 256; byte++) {
        const std::string text = std::string(9, 'a') + static_cast<char>(byte) + std::string(9, 'z');
        EXPECT_EQ(is_plain(text), byte < 0x80 && escape_json(text) == text && escape_terminal(text) == text) << byte;
    }
    EXPECT_TRUE(is_plain(""));
}

TEST(Escape, TerminalDisarmsControls) {
    EXPECT_EQ(escape_terminal("a\x1b[2Jb\nc\td\r\x07\x7f"s), "a\\x1b[2Jb\\x0ac\\x09d\\x0d\\x07\\x7f");
    EXPECT_EQ(escape_terminal("nul\0here"s), "nul\\x00here");
    EXPECT_EQ(escape_terminal("\xc2\x9b"
                              "31m"),
              "\\xc2\\x9b31m"); // C1 CSI
    EXPECT_EQ(escape_terminal("a\xe2\x80\xae"
                              "gpj.exe"),
              "a\\xe2\\x80\\xaegpj.exe");                                   // right-to-left override
    EXPECT_EQ(escape_terminal("root\xe2\x80\x8b"), "root\\xe2\\x80\\x8b");  // zero-width space
    EXPECT_EQ(escape_terminal("\xf3\xa0\x81\xa1"), "\\xf3\\xa0\\x81\\xa1"); // tag character
}

TEST(Escape, InvalidUtf8IsShownByteByByte) {
    EXPECT_EQ(escape_terminal("\xff\xfe"
                              "ok"),
              "\\xff\\xfeok");
    EXPECT_EQ(escape_terminal("\xc0\xaf"), "\\xc0\\xaf");                   // overlong '/'
    EXPECT_EQ(escape_terminal("\xed\xa0\x80"), "\\xed\\xa0\\x80");          // surrogate
    EXPECT_EQ(escape_terminal("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80"); // beyond U+10FFFF
    EXPECT_EQ(escape_terminal("x\xe2\x82"), "x\\xe2\\x82");                 // cut short
    EXPECT_EQ(escape_terminal("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");
    EXPECT_FALSE(is_utf8("x\xe2\x82"));
    EXPECT_TRUE(is_utf8("x€"));
}

TEST(Escape, HtmlCannotBeLeft) {
    EXPECT_EQ(escape_html("<script>alert(\"1\"&'2')</script>\n"),
              "&lt;script&gt;alert(&quot;1&quot;&amp;&#39;2&#39;)&lt;/script&gt;\\x0a");
}

TEST(Escape, LosslessTellsEscapesFromText) {
    EXPECT_EQ(to_utf8_lossless("a\\xff"), "a\\\\xff");
    EXPECT_EQ(to_utf8_lossless("a\xff"), "a\\xff");
    EXPECT_EQ(to_utf8_lossless("tab\t€"), "tab\t€");
}

TEST(Escape, JsonParsesBackToTheLosslessForm) {
    for (const auto& bytes : {"plain"s, "quote\" back\\slash"s, "\n\t\x1b\0x"s, "\xff\xc0\xaf"s,
                              "\xe2\x80\xae"
                              "rtl"s,
                              "\xf3\xa0\x81\xa1\xf0\x9f\x92\xa5"s, "鑑識"s}) {
        const std::string text = '"' + escape_json(bytes) + '"';
        EXPECT_EQ(nlohmann::json::parse(text).get<std::string>(), to_utf8_lossless(bytes)) << text;
        EXPECT_EQ(escape_terminal(text), text) << "a JSON line may be shown on a terminal";
    }
}
