#include "acquire/evidence/ewf_pieces.h"

#include "acquire/block/zero.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <cstring>
#include <libdeflate.h>
#ifdef KANSHIKI_ISAL
#include "acquire/evidence/isal_stream.h"
#endif

namespace kanshiki::ewf {
namespace {

using Compressor = std::unique_ptr<libdeflate_compressor, void (*)(libdeflate_compressor*)>;

Compressor make_compressor(int level) {
    Compressor out(libdeflate_alloc_compressor(level), libdeflate_free_compressor);
    if (!out) throw std::bad_alloc();
    return out;
}

libdeflate_decompressor* decompressor() {
    thread_local const std::unique_ptr<libdeflate_decompressor, void (*)(libdeflate_decompressor*)> one(
        libdeflate_alloc_decompressor(), libdeflate_free_decompressor);
    if (!one) throw std::bad_alloc();
    return one.get();
}

#ifdef KANSHIKI_ISAL
// ISA-L at level 1 is twice as fast as libdeflate at its lowest, and four times zlib (docs/formats/e01.md).
class Deflater {
public:
    Deflater() : level_buffer_(ISAL_DEF_LVL1_DEFAULT) {}
    // Bytes written, or 0 where `into` is too small.
    size_t operator()(std::span<const std::byte> bytes, std::span<std::byte> into) {
        isal_zstream& stream = *stream_;
        isal_deflate_stateless_init(&stream);
        stream.level = 1;
        stream.level_buf = level_buffer_.data();
        stream.level_buf_size = static_cast<uint32_t>(level_buffer_.size());
        stream.gzip_flag = IGZIP_ZLIB;
        stream.end_of_stream = 1;
        stream.flush = NO_FLUSH;
        stream.next_in = reinterpret_cast<uint8_t*>(const_cast<std::byte*>(bytes.data()));
        stream.avail_in = static_cast<uint32_t>(bytes.size());
        stream.next_out = reinterpret_cast<uint8_t*>(into.data());
        stream.avail_out = static_cast<uint32_t>(into.size());
        return isal_deflate_stateless(&stream) == COMP_OK ? stream.total_out : 0;
    }

private:
    IsalStream stream_;
    std::vector<uint8_t> level_buffer_;
};
#else
class Deflater {
public:
    size_t operator()(std::span<const std::byte> bytes, std::span<std::byte> into) {
        return libdeflate_zlib_compress(compressor_.get(), bytes.data(), bytes.size(), into.data(), into.size());
    }

private:
    Compressor compressor_ = make_compressor(1);
};
#endif

class PieceEncoder final : public Encoder {
public:
    void encode(std::span<const std::byte> data, Encoded& out) override {
        out.pieces.clear();
        out.bytes.resize((data.size() + piece_size - 1) / piece_size * (piece_size + 4));
        size_t end = 0;
        for (size_t at = 0; at < data.size(); at += piece_size) {
            const auto piece = data.subspan(at, std::min<size_t>(piece_size, data.size() - at));
            const uint32_t entry = encode_piece(piece, std::span(out.bytes).subspan(end));
            out.pieces.push_back(entry);
            end += entry & ~compressed_bit;
        }
        out.bytes.resize(end);
    }

private:
    uint32_t encode_piece(std::span<const std::byte> piece, std::span<std::byte> into) {
        if (piece.size() == piece_size && is_zero(piece)) {
            std::copy(zero_piece_.begin(), zero_piece_.end(), into.begin());
            return static_cast<uint32_t>(zero_piece_.size()) | compressed_bit;
        }
        // What does not become smaller is kept as it is.
        const size_t size = deflate_(piece, into.first(piece.size()));
        if (size != 0 && size < piece.size()) return static_cast<uint32_t>(size) | compressed_bit;
        std::copy(piece.begin(), piece.end(), into.begin());
        const uint32_t checksum = adler32(piece);
        for (size_t i = 0; i < 4; ++i) into[piece.size() + i] = static_cast<std::byte>(checksum >> 8 * i);
        return static_cast<uint32_t>(piece.size() + 4);
    }

    Deflater deflate_;
    const Bytes zero_piece_ = deflate(Bytes(piece_size)); // smaller than the quick way makes it
};

bool adler_follows(std::span<const std::byte> stored, size_t content) {
    uint32_t given = 0;
    for (size_t i = 0; i < 4; ++i) given |= std::to_integer<uint32_t>(stored[content + i]) << 8 * i;
    return adler32(stored.first(content)) == given;
}

// The stored form of a zero piece, as this thread met it last: most of an empty volume is made of it.
struct KnownZeros {
    Bytes stored;
    size_t content = 0;
};
constexpr size_t longest_zero_piece = 512;

} // namespace

std::unique_ptr<Encoder> make_encoder() { return std::make_unique<PieceEncoder>(); }

bool decode(std::span<const std::byte> stored, bool compressed, size_t content, std::span<std::byte> into) {
    if (!compressed) {
        if (stored.size() < content + 4 || !adler_follows(stored, content)) return false;
        std::copy_n(stored.begin(), into.size(), into.begin());
        return true;
    }
    thread_local KnownZeros zeros;
    const bool small = stored.size() <= longest_zero_piece;
    if (small && zeros.content == content &&
        std::equal(stored.begin(), stored.end(), zeros.stored.begin(), zeros.stored.end())) {
        std::fill(into.begin(), into.end(), std::byte{0});
        return true;
    }
    thread_local Bytes whole;
    const bool direct = into.size() == content;
    if (!direct) whole.resize(content);
    const auto target = direct ? into : std::span(whole);
    size_t used = 0, got = 0;
    if (libdeflate_zlib_decompress_ex(decompressor(), stored.data(), stored.size(), target.data(), content, &used,
                                      &got) != LIBDEFLATE_SUCCESS ||
        got != content)
        return false;
    if (small && is_zero(target)) zeros = {{stored.begin(), stored.end()}, content};
    if (!direct) std::copy_n(whole.begin(), into.size(), into.begin());
    return true;
}

std::optional<Followed> follow(std::span<const std::byte> here, size_t content) {
    thread_local Bytes whole;
    whole.resize(content);
    size_t used = 0, got = 0;
    if (libdeflate_zlib_decompress_ex(decompressor(), here.data(), here.size(), whole.data(), content, &used, &got) ==
            LIBDEFLATE_SUCCESS &&
        got > 0)
        return Followed{used, got, true};
    if (here.size() >= content + 4 && adler_follows(here, content)) return Followed{content + 4, content, false};
    return {};
}

std::optional<Bytes> inflate(std::span<const std::byte> stream, size_t most) {
    for (size_t room = std::min<size_t>(most, 64 * 1024);; room = std::min(most, room * 8)) {
        Bytes out(room);
        size_t used = 0, got = 0;
        const libdeflate_result result = libdeflate_zlib_decompress_ex(decompressor(), stream.data(), stream.size(),
                                                                       out.data(), out.size(), &used, &got);
        if (result == LIBDEFLATE_SUCCESS) {
            out.resize(got);
            return out;
        }
        if (result != LIBDEFLATE_INSUFFICIENT_SPACE || room == most) return {};
    }
}

Bytes deflate(std::span<const std::byte> bytes) {
    const Compressor compressor = make_compressor(6);
    Bytes out(libdeflate_zlib_compress_bound(compressor.get(), bytes.size()));
    out.resize(libdeflate_zlib_compress(compressor.get(), bytes.data(), bytes.size(), out.data(), out.size()));
    return out;
}

} // namespace kanshiki::ewf
