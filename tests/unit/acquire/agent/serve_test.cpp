// The agent's side of the wire, in this process, over a socket pair.
#include "acquire/agent/serve.h"
#include "acquire/block/agent_protocol.h"
#include "acquire/block/sha256.h"
#include "acquire/block/xxh64.h"
#include "acquire/block/zstd_frame.h"
#include "unit/support/scratch_folder.h"

#include <csignal>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <zstd.h>

namespace kanshiki::agent {
namespace {

using testing::HasSubstr;
using Bytes = std::vector<std::byte>;
constexpr size_t chunk = 512 * 1024;

struct Answer {
    ReplyHeader header;
    Bytes payload;
    std::span<const std::byte> body() const { return std::span(payload).last(header.body()); }
};

class Serve : public testing::Test {
protected:
    // Compressible, random, zero, and a short last chunk.
    void SetUp() override {
        ::signal(SIGPIPE, SIG_IGN); // as the program does
        content_.resize(3 * chunk + 1000);
        for (size_t i = 0; i < chunk; ++i) content_[i] = std::byte(i / 100);
        std::mt19937 random(1);
        for (size_t i = chunk; i < 2 * chunk; ++i) content_[i] = std::byte(random());
        content_.back() = std::byte{1};
        path_ = folder_ / "volume";
        std::ofstream(path_, std::ios::binary)
            .write(reinterpret_cast<const char*>(content_.data()), static_cast<std::streamsize>(content_.size()));
    }
    void TearDown() override {
        hang_up();
        if (thread_.joinable()) thread_.join();
    }

    Hello begin(std::chrono::milliseconds timeout = std::chrono::minutes(1)) {
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) throw std::runtime_error("socketpair");
        ours_ = ends[0];
        thread_ = std::thread([this, theirs = ends[1], timeout] {
            ServeOptions options;
            options.timeout = timeout;
            options.cores = 2;
            status_ = serve(theirs, theirs, open_volume(path_, 1, timeout), options, why_);
            shutdown(theirs, SHUT_RDWR); // a worker may still be about to write
        });
        Hello hello;
        std::array<std::byte, Hello::size_on_wire> bytes;
        read_exactly(bytes);
        EXPECT_EQ(parse(bytes, hello), nullptr);
        return hello;
    }
    void read_exactly(std::span<std::byte> into) {
        while (!into.empty()) {
            const ssize_t got = ::read(ours_, into.data(), into.size());
            if (got <= 0) throw std::runtime_error("the agent has hung up");
            into = into.subspan(static_cast<size_t>(got));
        }
    }
    void send(const Request& request) { send(render(request)); }
    void send(std::span<const std::byte> bytes) {
        ASSERT_EQ(::send(ours_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    }
    Answer receive() {
        Answer out;
        std::array<std::byte, ReplyHeader::size_on_wire> bytes;
        read_exactly(bytes);
        const char* wrong = parse(bytes, out.header);
        EXPECT_EQ(wrong, nullptr) << (wrong ? wrong : "");
        out.payload.resize(out.header.payload);
        read_exactly(out.payload);
        return out;
    }
    Answer ask(const Request& request) {
        send(request);
        return receive();
    }
    void hang_up() {
        if (ours_ >= 0) ::close(std::exchange(ours_, -1));
    }
    int end() {
        hang_up();
        thread_.join();
        return status_;
    }
    std::span<const std::byte> at(size_t offset, size_t size) const {
        return std::span(content_).subspan(offset, size);
    }

    test::ScratchFolder folder_;
    std::filesystem::path path_;
    Bytes content_;
    int ours_ = -1;
    std::thread thread_;
    int status_ = -1;
    std::string why_;
};

Request read_of(uint32_t id, uint64_t offset, uint64_t size) {
    Request request;
    request.id = id;
    request.offset = offset;
    request.size = size;
    return request;
}

TEST_F(Serve, SaysWhatItReads) {
    const Hello hello = begin();
    EXPECT_EQ(hello.size, content_.size());
    EXPECT_FALSE(hello.device);
    EXPECT_TRUE(hello.extents);
    EXPECT_EQ(hello.cores, 2u);
    EXPECT_EQ(end(), 0);
    EXPECT_EQ(why_, "");
}

TEST_F(Serve, CompressedContentIsOneFrameThatMayBeKept) {
    begin();
    const Answer answer = ask(read_of(1, 0, chunk));
    ASSERT_EQ(answer.header.type, ReplyType::zstd);
    EXPECT_EQ(check_chunk_frame(answer.body(), chunk), nullptr);
    Bytes back(chunk);
    ASSERT_EQ(ZSTD_decompress(back.data(), back.size(), answer.body().data(), answer.body().size()), chunk);
    EXPECT_TRUE(std::ranges::equal(back, at(0, chunk)));
}

TEST_F(Serve, WhatDoesNotGetSmallerComesRaw) {
    begin();
    const Answer answer = ask(read_of(1, chunk, chunk));
    ASSERT_EQ(answer.header.type, ReplyType::raw);
    EXPECT_TRUE(std::ranges::equal(answer.body(), at(chunk, chunk)));
    EXPECT_EQ(answer.header.xxh64, xxh64(at(chunk, chunk)));
}

TEST_F(Serve, NothingIsCompressedUnasked) {
    begin();
    Request request = read_of(1, 0, chunk);
    request.compress = false;
    EXPECT_EQ(ask(request).header.type, ReplyType::raw);
}

TEST_F(Serve, ZerosCostAHeader) {
    begin();
    const Answer answer = ask(read_of(1, 2 * chunk, chunk));
    EXPECT_EQ(answer.header.type, ReplyType::zero);
    EXPECT_EQ(answer.header.got, chunk);
    EXPECT_EQ(answer.header.payload, 0u);
}

TEST_F(Serve, TheEndIsWhereTheFileEnds) {
    begin();
    EXPECT_EQ(ask(read_of(1, 3 * chunk, chunk)).header.got, 1000u);
    EXPECT_EQ(ask(read_of(2, content_.size() + 512, 512)).header.got, 0u);
}

TEST_F(Serve, OddRangesAreReadToo) {
    begin();
    Request request = read_of(1, 777, 12345);
    request.compress = false;
    EXPECT_TRUE(std::ranges::equal(ask(request).body(), at(777, 12345)));
}

TEST_F(Serve, ADigestIsOfTheContent) {
    begin();
    for (uint64_t offset : {size_t{0}, chunk, 2 * chunk}) {
        Request request = read_of(1, offset, chunk);
        request.sha256 = true;
        const Answer answer = ask(request);
        ASSERT_TRUE(answer.header.sha256);
        const Digest digest = sha256(at(offset, chunk));
        EXPECT_TRUE(std::ranges::equal(std::span(answer.payload).first(32), digest));
    }
}

TEST_F(Serve, ManyAtOnceAreAllAnswered) {
    begin();
    constexpr uint32_t count = 300;
    for (uint32_t id = 1; id <= count; ++id) send(read_of(id, id * 1000, 500));
    std::set<uint32_t> seen;
    for (uint32_t i = 0; i < count; ++i) {
        const Answer answer = receive();
        EXPECT_EQ(answer.header.offset, answer.header.id * 1000u);
        seen.insert(answer.header.id);
    }
    EXPECT_EQ(seen.size(), count);
}

TEST_F(Serve, ASparseFileTellsItsHoles) {
    std::filesystem::resize_file(path_, 1ULL << 30);
    const Hello hello = begin();
    Request request = read_of(1, 0, hello.size);
    request.type = RequestType::extents;
    const Answer answer = ask(request);
    std::vector<Extent> extents;
    ASSERT_EQ(parse_extents(answer.body(), {0, hello.size}, extents), nullptr);
    EXPECT_EQ(extents.front().kind, Kind::data);
    EXPECT_EQ(extents.back().kind, Kind::zero);
    EXPECT_EQ(extents.back().range.end(), 1ULL << 30);
}

TEST_F(Serve, AliveIsAnswered) {
    begin();
    Request request;
    request.type = RequestType::alive;
    request.id = 3;
    const Answer answer = ask(request);
    EXPECT_EQ(answer.header.type, ReplyType::alive);
    EXPECT_EQ(answer.header.id, 3u);
}

TEST_F(Serve, SilenceEndsIt) {
    begin(std::chrono::milliseconds(50));
    thread_.join();
    EXPECT_EQ(status_, 3);
    EXPECT_THAT(why_, HasSubstr("no request"));
}

TEST_F(Serve, WhatIsNoRequestEndsIt) {
    begin();
    send(Bytes(Request::size_on_wire, std::byte{0x42}));
    thread_.join();
    EXPECT_EQ(status_, 2);
    EXPECT_THAT(why_, HasSubstr("not a request"));
}

TEST_F(Serve, TooManyAtOnceEndIt) {
    begin();
    Bytes all; // nobody reads the answers, so most of these cannot be answered
    for (uint32_t id = 1; id <= 2 * most_requests; ++id) {
        const auto line = render(read_of(id, chunk, chunk));
        all.insert(all.end(), line.begin(), line.end());
    }
    std::span<const std::byte> rest = all;
    while (!rest.empty()) {
        const ssize_t sent = ::send(ours_, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent <= 0) break; // it has hung up by then
        rest = rest.subspan(static_cast<size_t>(sent));
    }
    thread_.join();
    EXPECT_EQ(status_, 2);
    EXPECT_THAT(why_, HasSubstr("more requests"));
}

TEST_F(Serve, AnEndInTheMiddleOfARequestIsAnEnd) {
    begin();
    const auto line = render(read_of(1, 0, 512));
    send(std::span(line).first(10));
    EXPECT_EQ(end(), 0);
}

TEST_F(Serve, OnlyFilesAndDevicesAreOpened) {
    EXPECT_ANY_THROW(open_volume(folder_ / "none", 1, std::chrono::seconds(1)));
    EXPECT_ANY_THROW(open_volume("/dev/null", 1, std::chrono::seconds(1)));
    EXPECT_ANY_THROW(open_volume("/", 1, std::chrono::seconds(1)));
}

} // namespace
} // namespace kanshiki::agent
