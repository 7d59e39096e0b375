#include "acquire/source/ssh/agent/agent_source.h"

#include "acquire/block/xxh64.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

namespace kanshiki::ssh {
namespace {

using Bytes = std::vector<std::byte>;
constexpr size_t size = 64 * 1024;

Bytes text() {
    Bytes out(size);
    for (size_t i = 0; i < size; ++i) out[i] = std::byte(i / 64);
    return out;
}

Bytes frame_of(const Bytes& content, int checksum = 1, size_t pledged = 1) {
    ZSTD_CCtx* context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, checksum);
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, static_cast<int>(pledged));
    Bytes out(ZSTD_compressBound(content.size()));
    out.resize(ZSTD_compress2(context, out.data(), out.size(), content.data(), content.size()));
    ZSTD_freeCCtx(context);
    return out;
}

Reply reply_of(agent::ReplyType type, Bytes body, uint32_t got = size) {
    Reply out;
    out.header.type = type;
    out.header.got = got;
    out.header.offset = 4096;
    out.header.payload = static_cast<uint32_t>(body.size());
    if (type == agent::ReplyType::raw) out.header.xxh64 = xxh64(body);
    out.payload = std::move(body);
    return out;
}

std::string refusal(Reply reply) {
    Bytes into(size);
    try {
        unpack(reply, into, nullptr);
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::source_lost);
        return error.what();
    }
    return "";
}

TEST(Unpack, AFrameIsDecompressedAndHandedOn) {
    const Bytes frame = frame_of(text());
    Reply reply = reply_of(agent::ReplyType::zstd, frame);
    Bytes into(size), kept;
    const Content content = unpack(reply, into, &kept);
    EXPECT_EQ(content.got, size);
    EXPECT_FALSE(content.zero);
    EXPECT_EQ(into, text());
    EXPECT_EQ(kept, frame);
}

TEST(Unpack, RawAndZero) {
    Reply raw = reply_of(agent::ReplyType::raw, text()), zero = reply_of(agent::ReplyType::zero, {});
    Bytes into(size, std::byte{7}), kept;
    EXPECT_EQ(unpack(raw, into, &kept).got, size);
    EXPECT_EQ(into, text());
    EXPECT_TRUE(kept.empty());
    EXPECT_TRUE(unpack(zero, into, &kept).zero);
    EXPECT_EQ(into, Bytes(size));
}

TEST(Unpack, WhatCouldNotBeReadIsZeroWhateverCame) {
    const std::vector<Bad> bad{{{4096 + 512, 512}, 5}};
    Bytes body = agent::render_bad(bad, 4096);
    const Bytes content = text();
    body.insert(body.end(), content.begin(), content.end());
    Reply reply = reply_of(agent::ReplyType::raw, body);
    reply.header.bad = 1;
    reply.header.xxh64 = xxh64(content);
    Bytes into(size);
    EXPECT_EQ(unpack(reply, into, nullptr).bad, bad);
    EXPECT_TRUE(std::all_of(into.begin() + 512, into.begin() + 1024, [](std::byte b) { return b == std::byte{0}; }));
    EXPECT_EQ(into[1024], content[1024]);
}

TEST(Unpack, DamagedContentIsRefused) {
    Bytes flipped = frame_of(text());
    flipped[flipped.size() - 1] ^= std::byte{1}; // the checksum
    EXPECT_NE(refusal(reply_of(agent::ReplyType::zstd, flipped)), "");
    Reply raw = reply_of(agent::ReplyType::raw, text());
    raw.header.xxh64 ^= 1;
    EXPECT_THAT(refusal(raw), testing::HasSubstr("XXH64"));
    EXPECT_NE(refusal(reply_of(agent::ReplyType::raw, text(), size + 1)), "");
    EXPECT_NE(refusal(reply_of(agent::ReplyType::alive, {}, 0)), "");
}

TEST(Unpack, FramesThatMayNotBeKeptAreRefused) {
    EXPECT_THAT(refusal(reply_of(agent::ReplyType::zstd, frame_of(text(), 0))), testing::HasSubstr("no checksum"));
    EXPECT_THAT(refusal(reply_of(agent::ReplyType::zstd, frame_of(text(), 1, 0))), testing::HasSubstr("content size"));
    EXPECT_THAT(refusal(reply_of(agent::ReplyType::zstd, frame_of(Bytes(100 << 20)))),
                testing::HasSubstr("content size"));
    Bytes two = frame_of(text());
    const Bytes more = frame_of(text());
    two.insert(two.end(), more.begin(), more.end());
    EXPECT_THAT(refusal(reply_of(agent::ReplyType::zstd, two)), testing::HasSubstr("just one frame"));
    EXPECT_NE(refusal(reply_of(agent::ReplyType::zstd, Bytes(100, std::byte{'x'}))), "");
}

} // namespace
} // namespace kanshiki::ssh
