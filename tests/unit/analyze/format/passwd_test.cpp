#include "analyze/format/crypt_hash.h"
#include "analyze/format/passwd.h"
#include "analyze/format/shadow.h"

#include <gtest/gtest.h>

using namespace kanshiki::format;

TEST(Passwd, FieldsAndPlaces) {
    const auto parsed =
        parse_passwd("root:x:0:0:root:/root:/bin/bash\n# comment\n\nalice:x:1000:1000:A,,:/home/alice:/bin/sh\r\n");
    ASSERT_EQ(parsed.entries.size(), 2u);
    EXPECT_EQ(parsed.unparsed.count, 0u);
    const auto& alice = parsed.entries[1];
    EXPECT_EQ(alice.name, "alice");
    EXPECT_EQ(alice.uid, 1000u);
    EXPECT_EQ(alice.home, "/home/alice");
    EXPECT_EQ(alice.shell, "/bin/sh");
    EXPECT_EQ(alice.at.line, 4u);
    EXPECT_EQ(alice.at.offset, 43u);
}

// Each of these lines is a working account for glibc's fgetpwent (tried on Debian 12).
TEST(Passwd, WhatGlibcAcceptsIsNotLost) {
    const auto parsed = parse_passwd("toor::0:0\n  lead:x: 0:0:::\nplus:x:+0:0:::/bin/sh\nneg:x:-0:0::/:/b\n"
                                     "extra:x:000:0:g:h:s:t\n+::0:0:::\n");
    ASSERT_EQ(parsed.entries.size(), 6u);
    for (const auto& entry : parsed.entries) EXPECT_EQ(entry.uid, 0u) << entry.name;
    EXPECT_EQ(parsed.entries[0].name, "toor");
    EXPECT_EQ(parsed.entries[1].name, "lead");
    EXPECT_EQ(parsed.entries[4].shell, "s:t");
    EXPECT_TRUE(parsed.entries[5].compat);
}

TEST(Passwd, WhatIsNoAccountIsReported) {
    const auto parsed = parse_passwd("hex:x:0x0:0:::\nbig:x:4294967296:0:g:/:/b\nempty:x::0:::\nn1:x:-1:0:::\njunk\n");
    EXPECT_TRUE(parsed.entries.empty());
    EXPECT_EQ(parsed.unparsed.count, 5u);
    EXPECT_EQ(parsed.unparsed.first[4].line, 5u);
    EXPECT_EQ(parsed.unparsed.first[4].why, "passwd line with fewer than four fields");
}

TEST(Passwd, HostileBytes) {
    const std::string nul("a\0b:x:0:0:\xff\xfe::", 14);
    const auto parsed = parse_passwd(nul);
    ASSERT_EQ(parsed.entries.size(), 1u);
    EXPECT_EQ(parsed.entries[0].name, std::string("a\0b", 3));
    const auto longest = parse_passwd(std::string(1 << 20, ':'));
    EXPECT_EQ(longest.unparsed.count, 1u);
    const auto entry = parse_passwd(std::string(1 << 20, 'n') + ":x:0:0:::");
    ASSERT_EQ(entry.entries.size(), 1u);
    EXPECT_EQ(entry.entries[0].at.text.size(), Spot::excerpt_limit);
}

TEST(Shadow, FieldsAndWithheldDigest) {
    const auto parsed = parse_shadow("root:$6$salt$abcdef:19500:0:99999:7:::\nlocked:!:::::::\nshort:\nnone\n");
    ASSERT_EQ(parsed.entries.size(), 3u);
    EXPECT_EQ(parsed.entries[0].password, "$6$salt$abcdef");
    EXPECT_EQ(parsed.entries[0].last_change, 19500);
    EXPECT_EQ(parsed.entries[0].at.text, "root:$6$salt$[digest withheld]:19500:0:99999:7:::");
    EXPECT_EQ(parsed.entries[1].at.text, "locked:!:::::::");
    EXPECT_FALSE(parsed.entries[1].last_change);
    EXPECT_EQ(parsed.entries[2].password, "");
    EXPECT_EQ(parsed.unparsed.count, 1u);
    EXPECT_FALSE(parse_shadow("a:x:99999999999999999999:").entries[0].last_change);
}

TEST(CryptHash, Methods) {
    const auto method = [](std::string_view text) { return classify_hash(text).method; };
    EXPECT_EQ(method(""), HashMethod::none);
    EXPECT_EQ(method("x"), HashMethod::shadow);
    EXPECT_EQ(method("*"), HashMethod::locked);
    EXPECT_EQ(method("!"), HashMethod::locked);
    EXPECT_EQ(method("!!"), HashMethod::locked);
    EXPECT_EQ(method("!*"), HashMethod::locked);
    EXPECT_EQ(method("nonsense"), HashMethod::locked);
    EXPECT_EQ(method("$6$saltonly$"), HashMethod::locked);
    EXPECT_EQ(method("ablevSdGaUmRA"), HashMethod::des);
    EXPECT_EQ(method("$1$abcdefgh$0cZDBA1/jdY3VmuMpelFJ1"), HashMethod::md5);
    EXPECT_EQ(method("$2b$10$abcdefghijklmnopqrstuug7uV/rfOsuPOAUg70eqWWWMjvHc6jZm"), HashMethod::bcrypt);
    EXPECT_EQ(method("$y$j9T$abcdefghijklmnopqrstu.$S/aZsA/Wikp7qro4l0p5tz59Q014m6Yy5wS8/hU95N4"),
              HashMethod::yescrypt);
    EXPECT_TRUE(classify_hash("ablevSdGaUmRA").weak);
    const auto disabled = classify_hash("!$6$salt$digest");
    EXPECT_EQ(disabled.method, HashMethod::sha512);
    EXPECT_TRUE(disabled.disabled);
    EXPECT_FALSE(disabled.usable());
}

TEST(CryptHash, CostsAreBounded) {
    const auto costly = [](std::string_view text) { return classify_hash(text).too_costly; };
    EXPECT_FALSE(costly("$6$salt$digest"));
    EXPECT_FALSE(costly("$6$rounds=50000$salt$digest"));
    EXPECT_TRUE(costly("$6$rounds=999999999$salt$digest"));
    EXPECT_TRUE(costly("$6$rounds=99999999999999999999999$salt$digest"));
    EXPECT_TRUE(costly("$6$rounds=x$salt$digest"));
    EXPECT_FALSE(costly("$y$j9T$abcdefghijklmnopqrstu.$digest"));
    EXPECT_TRUE(costly("$y$jzT$abcdefghijklmnopqrstu.$digest")); // 2^64 blocks
    EXPECT_TRUE(costly("$y$j9zzz$abcdefghijklmnopqrstu.$digest"));
    EXPECT_TRUE(costly("$y$$$d"));
    EXPECT_FALSE(costly("$2b$10$abcdefghijklmnopqrstuug7uV/rfOsuPOAUg70eqWWWMjvHc6jZm"));
    EXPECT_TRUE(costly("$2b$31$abcdefghijklmnopqrstuug7uV/rfOsuPOAUg70eqWWWMjvHc6jZm"));
    EXPECT_TRUE(costly("$7$CU..../....abcdefgh$B5SAzbO.axlCfYEFWlpzYUZ"));
}
