#include "acquire/source/ssh/decompress.h"

#include "kanshiki/error.h"

#include <gtest/gtest.h>
#include <lz4frame.h>
#include <random>
#include <vector>
#include <zlib.h>
#include <zstd.h>

using namespace kanshiki;
using namespace kanshiki::ssh;
using Bytes = std::vector<std::byte>;

namespace {

Bytes compressible(size_t size) {
    Bytes out(size);
    std::mt19937 random(1);
    for (size_t i = 0; i < size; ++i) out[i] = static_cast<std::byte>(i % 97 == 0 ? random() : i / 1000);
    return out;
}

Bytes compressed(Compressor how, const Bytes& data) {
    Bytes out(data.size() + 100000);
    switch (how) {
    case Compressor::none:
        return data;
    case Compressor::zstd:
        out.resize(ZSTD_compress(out.data(), out.size(), data.data(), data.size(), 1));
        break;
    case Compressor::lz4:
        out.resize(LZ4F_compressFrame(out.data(), out.size(), data.data(), data.size(), nullptr));
        break;
    case Compressor::gzip: {
        z_stream state{};
        EXPECT_EQ(deflateInit2(&state, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
        state.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(data.data()));
        state.avail_in = static_cast<uInt>(data.size());
        state.next_out = reinterpret_cast<Bytef*>(out.data());
        state.avail_out = static_cast<uInt>(out.size());
        EXPECT_EQ(deflate(&state, Z_FINISH), Z_STREAM_END);
        out.resize(state.total_out);
        deflateEnd(&state);
    }
    }
    return out;
}

// Feeds `in` in pieces and takes the output in pieces of other sizes, up to `limit` bytes.
Bytes decoded(Decoder& decoder, const Bytes& in, size_t feed, size_t take, size_t limit = SIZE_MAX) {
    Bytes out, room(take);
    size_t at = 0, given = 0;
    for (;;) {
        const Decoder::Step step = decoder.decode(std::span(in).subspan(at, given - at), room);
        EXPECT_LE(step.consumed, given - at);
        EXPECT_LE(step.produced, room.size());
        at += step.consumed;
        out.insert(out.end(), room.begin(), room.begin() + static_cast<ptrdiff_t>(step.produced));
        if (out.size() >= limit) return out;
        if (step.consumed > 0 || step.produced > 0) continue;
        if (given == in.size()) return out;
        given = std::min(in.size(), given + feed);
    }
}

constexpr Compressor all[] = {Compressor::none, Compressor::zstd, Compressor::lz4, Compressor::gzip};
constexpr Compressor real[] = {Compressor::zstd, Compressor::lz4, Compressor::gzip};

} // namespace

TEST(SshDecompress, GivesBackWhatWentInHoweverItIsCut) {
    const Bytes data = compressible(300000);
    for (const Compressor how : all) {
        const Bytes stream = compressed(how, data);
        for (const auto& [feed, take] :
             {std::pair<size_t, size_t>{1 << 20, 1 << 20}, {1, 1 << 20}, {7, 1000}, {32768, 17}, {1 << 20, 1}}) {
            const auto decoder = make_decoder(how);
            EXPECT_EQ(decoded(*decoder, stream, feed, take), data) << compressor_name(how) << feed << " " << take;
            EXPECT_TRUE(decoder->ended());
        }
    }
}

TEST(SshDecompress, NothingIsAStreamToo) {
    for (const Compressor how : all) {
        const auto decoder = make_decoder(how);
        EXPECT_TRUE(decoded(*decoder, compressed(how, {}), 100, 100).empty());
        EXPECT_TRUE(decoder->ended()) << compressor_name(how);
    }
}

TEST(SshDecompress, ACutStreamDoesNotEnd) {
    const Bytes data = compressible(100000);
    for (const Compressor how : real) {
        Bytes stream = compressed(how, data);
        stream.resize(stream.size() - 5);
        const auto decoder = make_decoder(how);
        const Bytes out = decoded(*decoder, stream, 4096, 4096);
        EXPECT_FALSE(decoder->ended()) << compressor_name(how);
        EXPECT_TRUE(std::equal(out.begin(), out.end(), data.begin())) << "what came is right as far as it goes";
    }
}

TEST(SshDecompress, GarbageAndTrailingBytesAreRefused) {
    for (const Compressor how : real) {
        const Bytes garbage(5000, std::byte{0x5a});
        EXPECT_THROW(decoded(*make_decoder(how), garbage, 4096, 4096), Error) << compressor_name(how);
        Bytes stream = compressed(how, compressible(1000));
        const Bytes second = stream;
        stream.insert(stream.end(), second.begin(), second.end());
        try {
            decoded(*make_decoder(how), stream, 100000, 4096);
            ADD_FAILURE() << "a second stream was taken: " << compressor_name(how);
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::source_lost);
        }
    }
}

TEST(SshDecompress, AFlippedBitIsFoundOrHarmless) {
    const Bytes data = compressible(20000);
    for (const Compressor how : {Compressor::gzip}) { // the one whose checksum is always there
        const Bytes stream = compressed(how, data);
        for (size_t at = 10; at < stream.size(); at += 97) {
            Bytes broken = stream;
            broken[at] ^= std::byte{0x10};
            try {
                const auto decoder = make_decoder(how);
                const Bytes out = decoded(*decoder, broken, 4096, 4096, 1 << 20);
                EXPECT_TRUE(!decoder->ended() || out == data) << at;
            } catch (const Error&) {
            }
        }
    }
}

// A bomb gives no more than there is room for, step by step, and its memory stays what the window allows.
TEST(SshDecompress, ABombOnlyFillsTheRoomItIsGiven) {
    const Bytes zeros(64 * 1024 * 1024);
    for (const Compressor how : real) {
        const Bytes stream = compressed(how, zeros);
        ASSERT_LT(stream.size(), 1u << 20);
        const auto decoder = make_decoder(how);
        EXPECT_EQ(decoded(*decoder, stream, stream.size(), 4096, 100000).size() / 4096, 25u);
        EXPECT_FALSE(decoder->ended());
    }
}

TEST(SshDecompress, AHugeWindowIsRefused) {
    ZSTD_CCtx* context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 27);
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    const Bytes data = compressible(100000);
    Bytes stream(200000);
    ZSTD_inBuffer in{data.data(), data.size(), 0};
    ZSTD_outBuffer out{stream.data(), stream.size(), 0};
    // Flushed first, so that the size is not known and the window is written down.
    ASSERT_EQ(ZSTD_compressStream2(context, &out, &in, ZSTD_e_flush), 0u);
    ASSERT_EQ(ZSTD_compressStream2(context, &out, &in, ZSTD_e_end), 0u);
    ZSTD_freeCCtx(context);
    stream.resize(out.pos);
    EXPECT_THROW(decoded(*make_decoder(Compressor::zstd), stream, 4096, 4096), Error);
}
