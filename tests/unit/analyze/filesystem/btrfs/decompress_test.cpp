#include "analyze/filesystem/btrfs/decompress.h"
#include "kanshiki/error.h"

#include <gtest/gtest.h>
#include <lzo/lzo1x.h>
#include <zlib.h>
#include <zstd.h>

namespace kanshiki::btrfs {
namespace {

using Bytes = std::vector<std::byte>;
constexpr uint32_t sector = 4096;

Bytes text(size_t size) {
    Bytes out(size);
    for (size_t index = 0; index < size; index++) out[index] = static_cast<std::byte>(index / 7 % 251 * (index % 3));
    return out;
}

void put32(Bytes& bytes, size_t value) {
    for (unsigned index = 0; index < 4; index++) bytes.push_back(static_cast<std::byte>(value >> index * 8));
}

// As the kernel frames it: a segment for each sector, its length never across the end of a sector.
Bytes lzo(const Bytes& content) {
    EXPECT_EQ(lzo_init(), LZO_E_OK);
    Bytes out, work(LZO1X_1_MEM_COMPRESS), segment(sector * 2);
    put32(out, 0);
    for (size_t at = 0; at < content.size(); at += sector) {
        lzo_uint size = segment.size();
        lzo1x_1_compress(reinterpret_cast<const lzo_bytep>(content.data() + at),
                         std::min<size_t>(sector, content.size() - at), reinterpret_cast<lzo_bytep>(segment.data()),
                         &size, work.data());
        while (sector - out.size() % sector < 4) out.push_back({});
        put32(out, size);
        out.insert(out.end(), segment.begin(), segment.begin() + static_cast<std::ptrdiff_t>(size));
    }
    Bytes total;
    put32(total, out.size());
    std::copy(total.begin(), total.end(), out.begin());
    return out;
}

Bytes compressed(Compression form, const Bytes& content) {
    if (form == Compression::lzo) return lzo(content);
    Bytes out(content.size() * 2 + 1000);
    if (form == Compression::zstd) {
        out.resize(ZSTD_compress(out.data(), out.size(), content.data(), content.size(), 3));
        return out;
    }
    uLongf size = out.size();
    EXPECT_EQ(compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(content.data()),
                       content.size()),
              Z_OK);
    out.resize(size);
    return out;
}

class BtrfsCompression : public testing::TestWithParam<Compression> {};

} // namespace

TEST_P(BtrfsCompression, GivesWhatWentIn) {
    for (const size_t size : {1, 100, 4096, 4097, 50'000, 131'072}) {
        const Bytes content = text(size);
        Bytes bytes = compressed(GetParam(), content);
        bytes.resize((bytes.size() / sector + 1) * sector); // on disk the rest of the sector follows
        Bytes out(size);
        EXPECT_EQ(decompress(GetParam(), bytes, sector, out), size);
        EXPECT_TRUE(out == content) << size;
        Bytes part(size / 2 + 1); // a file may end within what was compressed
        EXPECT_EQ(decompress(GetParam(), bytes, sector, part), part.size());
        EXPECT_TRUE(std::equal(part.begin(), part.end(), content.begin()));
        Bytes more(size + 100);
        EXPECT_EQ(decompress(GetParam(), bytes, sector, more), size) << "it says how much there is";
    }
}

TEST_P(BtrfsCompression, RefusesWhatIsNone) {
    const Bytes content = text(50'000);
    Bytes out(content.size());
    EXPECT_THROW(decompress(GetParam(), Bytes(sector, std::byte{0xee}), sector, out), Error);
    EXPECT_THROW(decompress(GetParam(), Bytes(3), sector, out), Error);
    Bytes cut = compressed(GetParam(), content);
    cut.resize(cut.size() / 2);
    EXPECT_THROW(decompress(GetParam(), cut, sector, out), Error);
}

INSTANTIATE_TEST_SUITE_P(Forms, BtrfsCompression,
                         testing::Values(Compression::zlib, Compression::lzo, Compression::zstd));

// Segments of all sizes, so that lengths fall on every place in a sector.
TEST(BtrfsLzo, LengthsDoNotCrossSectors) {
    uint32_t state = 1;
    const auto dice = [&] { return (state = state * 1664525 + 1013904223) >> 16; };
    size_t skipped = 0;
    for (size_t trial = 0; trial < 400; trial++) {
        Bytes part(131'072);
        for (size_t at = 0; at < part.size(); at += sector) // noise, then zeros
            for (size_t index = 0, noise = dice() % sector; index < noise; index++)
                part[at + index] = static_cast<std::byte>(dice());
        const Bytes bytes = lzo(part);
        for (size_t at = 4; at < bytes.size();) { // how often bytes were skipped
            if (sector - at % sector < 4) at += sector - at % sector, skipped++;
            at += 4 + (std::to_integer<size_t>(bytes[at]) | std::to_integer<size_t>(bytes[at + 1]) << 8);
        }
        Bytes out(part.size());
        EXPECT_EQ(decompress(Compression::lzo, bytes, sector, out), part.size());
        EXPECT_TRUE(out == part);
    }
    EXPECT_GT(skipped, 0u);
}

} // namespace kanshiki::btrfs
