#include "analyze/format/authorized_keys.h"

#include <gtest/gtest.h>

using namespace kanshiki::format;

namespace {
// Made with ssh-keygen, which also gave the fingerprints.
const std::string ed25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF9gsXS3r4IZqwIYApyWeOCtO15tNwkjeNn1v62j58eo";
const std::string rsa = "ssh-rsa "
                        "AAAAB3NzaC1yc2EAAAADAQABAAAAgQDAxnEqJWNEqQtWwfV+wZNsFOuVPdl4EYSusJ5aqi0p6Cog/a1o3/"
                        "1qVVYSpyxQBX6YjtloIvWZEuLLCRvp9jdy"
                        "KTdC/liH+Ah9r7ehjmz+kAB4a9nQJgaJoCMRlNkS+LJEvPpOiRoOsId/59oV1aithfxx8l/pHGEep51ilJl1tQ==";
} // namespace

TEST(AuthorizedKeys, PlainKeys) {
    const auto keys = parse_authorized_keys("# mine\n\n" + ed25519 + " x0@vps 3412\n  " + rsa + "\r\n");
    ASSERT_EQ(keys.entries.size(), 2u);
    EXPECT_EQ(keys.entries[0].fingerprint, "SHA256:Obh1Ua5+SvJSDVPKUqB8cdIdQgPr4r16qWOiWNnW6aE");
    EXPECT_EQ(keys.entries[0].comment, "x0@vps 3412");
    EXPECT_EQ(keys.entries[0].at.line, 3u);
    EXPECT_EQ(keys.entries[0].at.offset, 8u);
    EXPECT_EQ(keys.entries[1].type, "ssh-rsa");
    EXPECT_EQ(keys.entries[1].fingerprint, "SHA256:o+jv6sakaif0JN9rH4wV5WsJa+55E1K8n7QFIj9kaFk");
    EXPECT_EQ(keys.entries[1].comment, "");
}

TEST(AuthorizedKeys, Options) {
    const auto keys =
        parse_authorized_keys("no-pty,Command=\"echo \\\"a b\\\", c\",from=\"10.0.0.0/8\" " + ed25519 + " c\n");
    ASSERT_EQ(keys.entries.size(), 1u);
    const auto& key = keys.entries[0];
    ASSERT_NE(key.option("command"), nullptr);
    EXPECT_EQ(*key.option("command"), "echo \"a b\", c");
    EXPECT_EQ(*key.option("from"), "10.0.0.0/8");
    EXPECT_NE(key.option("no-pty"), nullptr);
    EXPECT_EQ(key.option("restrict"), nullptr);
    EXPECT_EQ(key.comment, "c");
}

TEST(AuthorizedKeys, WhatIsNoKeyIsReported) {
    const auto keys =
        parse_authorized_keys("ssh-ed25519\nssh-ed25519 AAAA\nssh-rsa " + ed25519.substr(12) + "\ncommand=\"open " +
                              ed25519 + "\nssh-ed25519 ====\n" + std::string("\0\xff\0", 3) + "\n");
    EXPECT_TRUE(keys.entries.empty());
    EXPECT_EQ(keys.unparsed.count, 6u);
}

TEST(AuthorizedKeys, AMebibyteOnOneLine) {
    EXPECT_EQ(parse_authorized_keys("ssh-rsa " + std::string(1 << 20, 'A')).unparsed.count, 1u);
    EXPECT_EQ(parse_authorized_keys(std::string(1 << 20, ',') + " " + ed25519).entries.size(), 1u);
}
