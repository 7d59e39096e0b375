#include "acquire/block/zero.h"

#include <gtest/gtest.h>

#include <vector>

namespace kanshiki {
namespace {

TEST(Zero, SeesASingleBitAnywhere) {
    for (const size_t size : {1u, 7u, 511u, 512u, 513u, 1024u, 4099u}) {
        std::vector<std::byte> bytes(size);
        EXPECT_TRUE(is_zero(bytes));
        for (size_t i = 0; i < size; ++i) {
            bytes[i] = std::byte{0x80};
            EXPECT_FALSE(is_zero(bytes)) << i << " of " << size;
            bytes[i] = std::byte{0};
        }
    }
    EXPECT_TRUE(is_zero({}));
}

} // namespace
} // namespace kanshiki
