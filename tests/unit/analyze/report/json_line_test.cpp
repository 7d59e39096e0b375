#include "analyze/report/json_line.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace kanshiki;

TEST(JsonLine, IsOneObjectOnOneLine) {
    JsonLine line;
    line.text("name", "a\"b\\c\nd").number("size", UINT64_MAX).number("offset", INT64_MIN).flag("deleted", true);
    line.plain("mode", "0644").raw("list", "[1,2]");
    const std::string text = line.finish();
    EXPECT_EQ(text, "{\"name\":\"a\\\"b\\\\\\\\c\\u000ad\",\"size\":18446744073709551615,"
                    "\"offset\":-9223372036854775808,\"deleted\":true,\"mode\":\"0644\",\"list\":[1,2]}\n");
    EXPECT_EQ(JsonLine().finish(), "{}\n");
}

// Values around the size of what is held back before it goes to the text.
TEST(JsonLine, LosesNothingOfAnyLength) {
    std::string all;
    std::string expected;
    for (size_t size = 0; size < 2200; size += 7) {
        const std::string key(size % 90 + 1, 'k'), value(size, 'v');
        JsonLine line(all);
        line.text(key, value).number("n", size).text("last", "\x1b");
        line.end();
        expected += "{\"" + key + "\":\"" + value + "\",\"n\":" + std::to_string(size) + ",\"last\":\"\\u001b\"}\n";
    }
    EXPECT_EQ(all, expected);
}
