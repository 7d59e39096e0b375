#include "acquire/block/agent_protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kanshiki::agent {
namespace {

using testing::HasSubstr;

// One byte of a good message is replaced; the parser must say what is wrong.
template<class Message>
std::string with(const Message& message, size_t at, uint8_t value) {
    auto bytes = render(message);
    bytes[at] = std::byte{value};
    Message out;
    const char* wrong = parse(bytes, out);
    return wrong ? wrong : "";
}

TEST(AgentProtocol, HelloComesBackAsItWas) {
    Hello hello;
    hello.device = true;
    hello.direct = true;
    hello.logical_sector = 4096;
    hello.size = 1'234'567'890'123;
    hello.cores = 96;
    hello.process = 4711;
    Hello back;
    ASSERT_EQ(parse(render(hello), back), nullptr);
    EXPECT_TRUE(back.device && back.direct && !back.extents);
    EXPECT_EQ(back.logical_sector, 4096u);
    EXPECT_EQ(back.size, 1'234'567'890'123u);
    EXPECT_EQ(back.cores, 96u);
    EXPECT_EQ(back.process, 4711u);
}

TEST(AgentProtocol, HelloThatIsNone) {
    EXPECT_THAT(with(Hello{}, 0, 'k'), HasSubstr("begin"));
    EXPECT_THAT(with(Hello{}, 8, 2), HasSubstr("version"));
    EXPECT_THAT(with(Hello{}, 10, 8), HasSubstr("flags"));
    EXPECT_THAT(with(Hello{}, 12, 1), HasSubstr("sector"));
    EXPECT_THAT(with(Hello{}, 23, 0x80), HasSubstr("size"));
    EXPECT_THAT(with(Hello{}, 32, 1), HasSubstr("zero"));
    EXPECT_THAT(with(Hello{}, 63, 1), HasSubstr("zero"));
}

TEST(AgentProtocol, RequestComesBackAsItWas) {
    const Request request{7, RequestType::read, Priority::urgent, -5, false, true, 1ULL << 40, 512};
    Request back;
    ASSERT_EQ(parse(render(request), back), nullptr);
    EXPECT_EQ(back.id, 7u);
    EXPECT_EQ(back.priority, Priority::urgent);
    EXPECT_EQ(back.level, -5);
    EXPECT_TRUE(!back.compress && back.sha256);
    EXPECT_EQ(back.offset, 1ULL << 40);
    EXPECT_EQ(back.size, 512u);
}

TEST(AgentProtocol, RequestThatIsNone) {
    Request good;
    good.size = 512;
    EXPECT_THAT(with(good, 0, 0), HasSubstr("begin"));
    EXPECT_THAT(with(good, 15, 0x80), HasSubstr("range")); // offset
    EXPECT_THAT(with(good, 23, 0x80), HasSubstr("range")); // size
    EXPECT_THAT(with(good, 18, 0x20), HasSubstr("size"));  // 2 MiB and a sector
    EXPECT_THAT(with(good, 24, 0), HasSubstr("type"));
    EXPECT_THAT(with(good, 24, 4), HasSubstr("type"));
    EXPECT_THAT(with(good, 24, 3), HasSubstr("sign of life"));
    EXPECT_THAT(with(good, 25, 2), HasSubstr("priority"));
    EXPECT_THAT(with(good, 26, 20), HasSubstr("level"));
    EXPECT_THAT(with(good, 26, 0x80), HasSubstr("level"));
    EXPECT_THAT(with(good, 27, 4), HasSubstr("flags"));
    EXPECT_THAT(with(good, 28, 1), HasSubstr("zero"));
    EXPECT_THAT(with(Request{}, 1, 0x53), HasSubstr("size")); // the same bytes: a read of nothing
}

ReplyHeader raw(uint32_t got) {
    ReplyHeader reply;
    reply.type = ReplyType::raw;
    reply.got = got;
    reply.payload = got;
    return reply;
}

TEST(AgentProtocol, ReplyComesBackAsItWas) {
    ReplyHeader reply = raw(100);
    reply.id = 9;
    reply.offset = 1ULL << 50;
    reply.sha256 = true;
    reply.bad = 2;
    reply.payload = 32 + 24 + 100;
    reply.xxh64 = 0x0123456789abcdef;
    reply.read_us = 1;
    reply.waited_us = 2;
    reply.worked_us = 3;
    reply.stalled_us = 4;
    ReplyHeader back;
    ASSERT_EQ(parse(render(reply), back), nullptr);
    EXPECT_EQ(render(back), render(reply));
    EXPECT_EQ(back.body(), 100u);
    EXPECT_EQ(back.stalled_us, 4u);
}

TEST(AgentProtocol, ReplyThatIsNone) {
    EXPECT_THAT(with(raw(100), 0, 0), HasSubstr("begin"));
    EXPECT_THAT(with(raw(100), 15, 0x80), HasSubstr("range"));
    EXPECT_THAT(with(raw(100), 18, 0x20), HasSubstr("more content"));
    EXPECT_THAT(with(raw(100), 20, 101), HasSubstr("another size"));
    EXPECT_THAT(with(raw(100), 24, 0), HasSubstr("type"));
    EXPECT_THAT(with(raw(100), 24, 7), HasSubstr("type"));
    EXPECT_THAT(with(raw(100), 25, 2), HasSubstr("flags"));
    EXPECT_THAT(with(raw(100), 26, 1), HasSubstr("zero"));
    EXPECT_THAT(with(raw(100), 31, 1), HasSubstr("bad ranges"));
    EXPECT_THAT(with(raw(100), 28, 9), HasSubstr("lists"));
    EXPECT_THAT(with(raw(100), 56, 1), HasSubstr("zero"));
    EXPECT_THAT(with(raw(100), 24, uint8_t(ReplyType::zero)), HasSubstr("zeros with a body"));
    EXPECT_THAT(with(raw(100), 24, uint8_t(ReplyType::zstd)), HasSubstr("not smaller"));
    EXPECT_THAT(with(raw(100), 24, uint8_t(ReplyType::alive)), HasSubstr("none belongs"));
    ReplyHeader failed;
    failed.type = ReplyType::failed;
    failed.payload = longest_failure;
    EXPECT_EQ(with(failed, 24, uint8_t(ReplyType::failed)), "");
    EXPECT_THAT(with(failed, 20, uint8_t(longest_failure % 256 + 1)), HasSubstr("too long"));
}

TEST(AgentProtocol, BadRangesMustLieInWhatWasRead) {
    const std::vector<Bad> bad{{{1000, 512}, 5}, {{2024, 512}, 110}};
    std::vector<Bad> back;
    ASSERT_EQ(parse_bad(render_bad(bad, 1000), 1000, 4096, back), nullptr);
    EXPECT_EQ(back, bad);
    EXPECT_NE(parse_bad(render_bad(bad, 1000), 1000, 1500, back), nullptr);
    const std::vector<Bad> overlapping{{{1000, 512}, 5}, {{1100, 512}, 5}}, empty{{{1000, 0}, 5}},
        no_error{{{1000, 1}, 0}};
    EXPECT_NE(parse_bad(render_bad(overlapping, 1000), 1000, 4096, back), nullptr);
    EXPECT_NE(parse_bad(render_bad(empty, 1000), 1000, 4096, back), nullptr);
    EXPECT_NE(parse_bad(render_bad(no_error, 1000), 1000, 4096, back), nullptr);
    EXPECT_NE(parse_bad(std::vector<std::byte>(13), 1000, 4096, back), nullptr);
}

TEST(AgentProtocol, ExtentsMustBeContiguous) {
    const Range within{100, 1000};
    const std::vector<Extent> extents{{{100, 400}, Kind::data}, {{500, 100}, Kind::zero}};
    std::vector<Extent> back;
    ASSERT_EQ(parse_extents(render_extents(extents), within, back), nullptr);
    ASSERT_EQ(back.size(), 2u);
    EXPECT_EQ(back[1].range, (Range{500, 100}));
    EXPECT_EQ(back[1].kind, Kind::zero);
    const auto refused = [&](std::vector<Extent> wrong) { return parse_extents(render_extents(wrong), within, back); };
    EXPECT_NE(refused({}), nullptr);
    EXPECT_NE(refused({{{0, 400}, Kind::data}}), nullptr);
    EXPECT_NE(refused({{{100, 400}, Kind::data}, {{600, 1}, Kind::data}}), nullptr);
    EXPECT_NE(refused({{{100, 1001}, Kind::data}}), nullptr);
    EXPECT_NE(refused({{{100, 0}, Kind::data}}), nullptr);
    EXPECT_NE(refused({{{100, UINT64_MAX}, Kind::data}}), nullptr);
}

} // namespace
} // namespace kanshiki::agent
