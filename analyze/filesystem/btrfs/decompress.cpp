#include "analyze/filesystem/btrfs/decompress.h"

#include "analyze/filesystem/bytes.h"

#include <algorithm>
#include <lzo/lzo1x.h>
#include <memory>
#include <zlib.h>
#include <zstd.h>

namespace kanshiki::btrfs {
namespace {

[[noreturn]] void fail(const char* form, const std::string& why) {
    throw Error(ExitCode::never_valid, std::string("a compressed extent is no ") + form + ": " + why);
}

size_t from_zlib(std::span<const std::byte> bytes, std::span<std::byte> into) {
    z_stream stream{};
    if (inflateInit(&stream) != Z_OK) throw std::bad_alloc();
    const std::unique_ptr<z_stream, decltype(&inflateEnd)> ended(&stream, inflateEnd);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(into.data());
    stream.avail_out = static_cast<uInt>(into.size());
    const int result = inflate(&stream, Z_FINISH);
    // A full buffer is enough: the stream may go on past what is the file's.
    if (result != Z_STREAM_END && stream.avail_out != 0)
        fail("zlib stream", stream.msg != nullptr ? stream.msg : "cut short");
    return into.size() - stream.avail_out;
}

size_t from_zstd(std::span<const std::byte> bytes, std::span<std::byte> into) {
    const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
    if (!context) throw std::bad_alloc();
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    ZSTD_outBuffer out{into.data(), into.size(), 0};
    while (out.pos < out.size) {
        const size_t before_in = in.pos, before_out = out.pos;
        const size_t result = ZSTD_decompressStream(context.get(), &out, &in);
        if (ZSTD_isError(result)) fail("zstd frame", ZSTD_getErrorName(result));
        if (result == 0) break; // the frame is complete; what follows is padding
        if (in.pos == before_in && out.pos == before_out) fail("zstd frame", "cut short");
    }
    return out.pos;
}

// "LZO": the length of all, itself included, then segments, each a sector's worth behind its own length; a length does
// not cross into another sector: where fewer than four bytes are left of one, they are skipped.
size_t from_lzo(std::span<const std::byte> bytes, uint32_t sector_size, std::span<std::byte> into) {
    constexpr size_t length_size = 4;
    static const bool ready = lzo_init() == LZO_E_OK;
    if (!ready) throw Error(ExitCode::internal, "liblzo2 does not fit this program");
    const size_t total = le32(bytes, 0);
    if (total < length_size || total > bytes.size()) fail("LZO extent", "it says " + std::to_string(total) + " bytes");
    bytes = bytes.first(total);
    size_t at = length_size, done = 0;
    std::vector<std::byte> segment(sector_size);
    while (at < total && done < into.size()) {
        if (sector_size - at % sector_size < length_size) at += sector_size - at % sector_size;
        if (at >= total) break;
        const size_t size = le32(bytes, at);
        at += length_size;
        if (size == 0 || size > total - at) fail("LZO extent", "a segment of " + std::to_string(size) + " bytes");
        lzo_uint got = sector_size;
        const int result = lzo1x_decompress_safe(reinterpret_cast<const lzo_bytep>(bytes.data() + at), size,
                                                 reinterpret_cast<lzo_bytep>(segment.data()), &got, nullptr);
        if (result != LZO_E_OK)
            fail("LZO extent", "error " + std::to_string(result) + " at byte " + std::to_string(at));
        const size_t wanted = std::min<size_t>(got, into.size() - done);
        std::ranges::copy(std::span(segment).first(wanted), into.begin() + static_cast<std::ptrdiff_t>(done));
        done += wanted;
        at += size;
    }
    return done;
}

} // namespace

size_t decompress(Compression form, std::span<const std::byte> bytes, uint32_t sector_size, std::span<std::byte> into) {
    switch (form) {
    case Compression::zlib:
        return from_zlib(bytes, into);
    case Compression::lzo:
        return from_lzo(bytes, sector_size, into);
    case Compression::zstd:
        return from_zstd(bytes, into);
    case Compression::none:
        break;
    }
    const size_t size = std::min(bytes.size(), into.size());
    std::ranges::copy(bytes.first(size), into.begin());
    return size;
}

} // namespace kanshiki::btrfs
