#include "analyze/format/utmp.h"

#include "unit/analyze/utmp_bytes.h"

#include <gtest/gtest.h>

using namespace kanshiki::format;
using kanshiki::test::utmp_bytes;

namespace {
std::span<const std::byte> bytes(const std::string& text) { return std::as_bytes(std::span(text)); }
} // namespace

TEST(Utmp, BothLayouts) {
    for (const size_t size : {utmp_size_x86_64, utmp_size_aarch64}) {
        const std::string raw =
            utmp_bytes(size, 7, 4242, "pts/0", "root", "203.0.113.66", 1795413600, 123456, "\xcb\x00\x71\x42");
        ASSERT_EQ(raw.size(), size);
        const auto record = parse_utmp(bytes(raw));
        ASSERT_TRUE(record);
        EXPECT_EQ(record->type, UtmpType::user);
        EXPECT_EQ(record->pid, 4242);
        EXPECT_EQ(record->line, "pts/0");
        EXPECT_EQ(record->user, "root");
        EXPECT_EQ(record->host, "203.0.113.66");
        EXPECT_EQ(record->seconds, 1795413600);
        EXPECT_EQ(record->microseconds, 123456u);
        std::string many;
        for (int i = 0; i < 5; ++i) many += raw;
        EXPECT_EQ(utmp_record_size(bytes(many)), size);
    }
}

TEST(Utmp, HostileRecords) {
    std::string raw = utmp_bytes(utmp_size_x86_64, 10, 1, "l", "u", "h", 1, 0);
    EXPECT_FALSE(parse_utmp(bytes(raw))); // no such type
    raw = utmp_bytes(utmp_size_x86_64, 7, 1, "l", "u", "h", 1, 1000000);
    EXPECT_FALSE(parse_utmp(bytes(raw))); // microseconds
    raw = std::string(utmp_size_x86_64, '\xff');
    EXPECT_FALSE(parse_utmp(bytes(raw)));
    EXPECT_FALSE(parse_utmp(bytes(raw.substr(1))));
    const std::string zeros(utmp_size_x86_64, '\0');
    EXPECT_TRUE(is_all_zero(bytes(zeros)));
    EXPECT_EQ(parse_utmp(bytes(zeros))->type, UtmpType::empty);
    // names without a NUL fill their fields
    raw = utmp_bytes(utmp_size_x86_64, 7, 1, std::string(32, 'l'), std::string(32, 'u'), std::string(256, 'h'), 1, 0);
    EXPECT_EQ(parse_utmp(bytes(raw))->user, std::string(32, 'u'));
    EXPECT_EQ(parse_utmp(bytes(raw))->host.size(), 256u);
    EXPECT_EQ(utmp_record_size({}), utmp_size_x86_64);
}
