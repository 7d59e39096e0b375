#include "acquire/evidence/formats.h"
#include "acquire/evidence/zst_table.h"
#include "kanshiki/error.h"
#include "kanshiki/pipeline.h"
#include "unit/support/memory_source.h"
#include "unit/support/scratch_folder.h"

#include <cerrno>
#include <fstream>
#include <gmock/gmock.h>

namespace kanshiki {
namespace {

using Bytes = std::vector<std::byte>;

constexpr ZstFrame frames[] = {{0, 100, 0, 524288}, {100, 29, 524288, 524288}, {129, 50, 1048576, 700}};
constexpr uint64_t data_end = 179;

std::string refusal(const Bytes& table, uint64_t file_size) {
    try {
        parse_seek_table(table, file_size, "x.img.zst");
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::never_valid);
        return error.what();
    }
    return "";
}

void put32(Bytes& bytes, size_t at, uint32_t value) {
    for (unsigned i = 0; i < 4; ++i) bytes[at + i] = static_cast<std::byte>(value >> 8 * i);
}

TEST(SeekTable, RoundTrips) {
    const Bytes table = render_seek_table(frames);
    ASSERT_EQ(table.size(), 8 + 3 * 8 + 9u);
    EXPECT_EQ(seek_table_size(std::span(table).last(9)), table.size());
    const auto back = parse_seek_table(table, data_end + table.size(), "x");
    ASSERT_EQ(back.size(), 3u);
    for (size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(back[i].offset, frames[i].offset);
        EXPECT_EQ(back[i].stored, frames[i].stored);
        EXPECT_EQ(back[i].content_offset, frames[i].content_offset);
        EXPECT_EQ(back[i].content, frames[i].content);
    }
}

TEST(SeekTable, RefusesWhatDoesNotFitTheFile) {
    const Bytes good = render_seek_table(frames);
    const uint64_t size = data_end + good.size();
    EXPECT_EQ(refusal(good, size), "");

    Bytes outside = good;
    put32(outside, 8 + 8, 0xFFFFFFFF);
    EXPECT_THAT(refusal(outside, size), testing::HasSubstr("frame 1 points outside the file"));
    Bytes bomb = good;
    put32(bomb, 12, 0x7FFFFFFF);
    EXPECT_THAT(refusal(bomb, size), testing::HasSubstr("frame 0 holds 2147483647 bytes"));
    EXPECT_THAT(refusal(good, size + 1), testing::HasSubstr("do not fill the file"));
    EXPECT_THAT(refusal(good, good.size()), testing::HasSubstr("outside the file"));
    Bytes empty = good;
    put32(empty, 8, 7);
    EXPECT_THAT(refusal(empty, size), testing::HasSubstr("frame 0 has 7 bytes: too few"));
    Bytes inflated = good;
    put32(inflated, 12, 1);
    put32(inflated, 8, 2 + 1024 * 1024 + 1);
    EXPECT_THAT(refusal(inflated, size + 2 * 1024 * 1024), testing::HasSubstr("bytes for 1 of content"));
    Bytes reserved = good;
    reserved[good.size() - 5] = std::byte{0x40};
    EXPECT_THAT(refusal(reserved, size), testing::HasSubstr("reserved"));
    Bytes magic = good;
    magic[0] ^= std::byte{1};
    EXPECT_THAT(refusal(magic, size), testing::HasSubstr("does not fit"));
}

TEST(SeekTable, AnAbsurdNumberOfFramesIsNoFooter) {
    Bytes footer(render_seek_table(frames));
    put32(footer, footer.size() - 9, 0x8000001);
    EXPECT_EQ(seek_table_size(std::span(footer).last(9)), 0u);
}

class DamagedZst : public testing::Test {
protected:
    DamagedZst() : bytes_(test::random_bytes(3 * chunk_size, 1)), image_(folder_ / "x.img.zst") {
        const auto sink = create_zst(image_, {});
        const auto encoder = sink->encoder();
        for (uint64_t at = 0; at < bytes_.size(); at += chunk_size) {
            Encoded encoded;
            const auto data = std::span(bytes_).subspan(at, chunk_size);
            encoder->encode(data, encoded);
            sink->write({{at, chunk_size}, Kind::data, data, &encoded});
        }
        sink->commit(bytes_.size());
        sink->publish();
        std::filesystem::permissions(image_, std::filesystem::perms::owner_all);
    }
    void flip(uint64_t at) {
        std::fstream file(image_, std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(static_cast<std::streamoff>(at));
        const char byte = static_cast<char>(file.get() ^ 1);
        file.seekp(static_cast<std::streamoff>(at));
        file.put(byte);
    }
    test::ScratchFolder folder_;
    const Bytes bytes_;
    const std::filesystem::path image_;
};

TEST_F(DamagedZst, AFrameThatDoesNotDecodeIsUnreadableInItsOwnPlace) {
    flip(chunk_size + 5000); // random data is stored raw: this byte belongs to the second chunk
    const auto source = open_zst(image_);
    Bytes all(3 * chunk_size);
    Read read{.offset = 0, .into = all};
    source->read(read, {});
    EXPECT_THAT(read.bad, testing::ElementsAre(Bad{{chunk_size, chunk_size}, EILSEQ}));
    Bytes expected = bytes_;
    std::fill_n(expected.begin() + chunk_size, chunk_size, std::byte{0});
    EXPECT_EQ(all, expected);
    Bytes piece(100);
    Read small{.offset = chunk_size + 50, .into = piece};
    source->read(small, {});
    EXPECT_THAT(small.bad, testing::ElementsAre(Bad{{chunk_size + 50, 100}, EILSEQ}));
}

TEST_F(DamagedZst, CutShortItIsRefusedAndSalvagedUpToTheCut) {
    std::filesystem::resize_file(image_, 2 * chunk_size);
    EXPECT_THROW(open_zst(image_), Error);
    EXPECT_EQ(*salvage_zst(image_, ~uint64_t{0})->info().size, chunk_size);
}

TEST_F(DamagedZst, WhatIsNoZstdAtAllIsRefused) {
    for (const size_t size : {0u, 5u, 9u, 100u}) {
        std::ofstream(image_, std::ios::binary | std::ios::trunc) << std::string(size, 'x');
        try {
            open_zst(image_);
            FAIL() << size;
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::never_valid);
        }
        EXPECT_EQ(*salvage_zst(image_, ~uint64_t{0})->info().size, 0u);
    }
}

} // namespace
} // namespace kanshiki
