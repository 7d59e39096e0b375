#include "analyze/filesystem/crc32c.h"

#include <cstring>
#include <gtest/gtest.h>
#include <string>

namespace kanshiki {
namespace {

uint32_t of(const std::string& text) { return ~crc32c(~0u, std::as_bytes(std::span(text))); }

// The check value of CRC-32C, and RFC 3720, appendix B.4.
TEST(Crc32c, IsWhatTheStandardsSay) {
    EXPECT_EQ(of("123456789"), 0xe3069283u);
    EXPECT_EQ(of(std::string(32, '\0')), 0x8a9136aau);
    EXPECT_EQ(of(std::string(32, '\xff')), 0x62a8ab43u);
}

TEST(Crc32c, GoesOnWhereItStopped) {
    const std::string text = "a text that is cut at every place in turn";
    const auto bytes = std::as_bytes(std::span(text));
    for (size_t cut = 0; cut <= bytes.size(); cut++)
        EXPECT_EQ(~crc32c(crc32c(~0u, bytes.first(cut)), bytes.subspan(cut)), of(text));
}

} // namespace
} // namespace kanshiki
