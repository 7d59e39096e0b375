#include "analyze/extract/safe_name.h"

#include "kanshiki/escape.h"

#include <gtest/gtest.h>
#include <set>

namespace kanshiki {
namespace {

using namespace std::string_literals;

TEST(SafeName, PlainNamesStay) {
    for (const std::string name : {"passwd", "with blank", "鑑識", ".bashrc", "a-b", "...", "=cmd|'x'!A0"})
        EXPECT_EQ(safe_name(name), name);
}

TEST(SafeName, NothingLeavesTheFolderOrSteersATerminal) {
    EXPECT_EQ(safe_name(".."), "%2E%2E");
    EXPECT_EQ(safe_name("."), "%2E");
    EXPECT_EQ(safe_name("../../etc/passwd"), "..%2F..%2Fetc%2Fpasswd");
    EXPECT_EQ(safe_name("-rf"), "%2Drf");
    EXPECT_EQ(safe_name("a\nb\x1b[31m"), "a%0Ab%1B[31m");
    EXPECT_EQ(safe_name("nul\0byte"s), "nul%00byte");
    EXPECT_EQ(safe_name("back\\slash"), "back%5Cslash");
    EXPECT_EQ(safe_name("\xff\xfe"), "%FF%FE");
    EXPECT_EQ(safe_name("\u202egpj"), "%E2%80%AEgpj");
    EXPECT_EQ(safe_name("100%41"), "100%2541");
    EXPECT_EQ(safe_name(""), "%~empty");
}

TEST(SafeName, DifferentNamesStayDifferentAndShort) {
    std::set<std::string> seen;
    std::set<std::string> names{"", ".", "..", "%2E", "%2E%2E", "%~empty", "a/b", "a%2Fb", "a_b", "\xff", "%FF", "A"};
    for (const size_t size : {150u, 199u, 200u, 201u, 255u, 1024u, 4096u})
        for (const std::string unit : {"x", "\xff", "é", "鑑", "%"}) {
            std::string name;
            while (name.size() < size) name += unit;
            names.insert(name);
            names.insert(name + "!");
        }
    for (const std::string& name : names) {
        const std::string safe = safe_name(name);
        EXPECT_TRUE(seen.insert(safe).second) << escape_terminal(name);
        EXPECT_LE(safe.size(), 200u);
        EXPECT_EQ(escape_terminal(safe), safe);
        EXPECT_EQ(safe.find('/'), std::string::npos);
    }
}

TEST(SafeName, EveryByteAloneAndInside) {
    std::set<std::string> seen;
    for (int byte = 0; byte < 256; byte++)
        for (const std::string& name :
             {std::string(1, static_cast<char>(byte)), "a" + std::string(1, static_cast<char>(byte))}) {
            const std::string safe = safe_name(name);
            EXPECT_TRUE(seen.insert(safe).second) << byte;
            EXPECT_TRUE(is_utf8(safe));
        }
}

} // namespace
} // namespace kanshiki
