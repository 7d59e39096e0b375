#include "acquire/source/ssh/decompress.h"

#include "kanshiki/error.h"

#include <algorithm>
#include <climits>
#include <cstring>
#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

namespace kanshiki::ssh {

namespace {

[[noreturn]] void damaged(const char* what, const std::string& why) {
    throw Error{ExitCode::source_lost, std::string("the far side's ") + what + " stream is damaged: " + why +
                                           "; go on with --resume, or try --compress none"};
}

class Plain : public Decoder {
public:
    Step decode(std::span<const std::byte> in, std::span<std::byte> out) override {
        const size_t size = std::min(in.size(), out.size());
        if (size > 0) memcpy(out.data(), in.data(), size);
        return {size, size};
    }
    bool ended() const override { return true; }
};

class Zstd : public Decoder {
public:
    Zstd() : context_(ZSTD_createDCtx()) {
        if (!context_) throw Error{ExitCode::internal, "zstd: no memory"};
        constexpr int largest_window_log = 23; // 8 MiB; zstd -1 uses 512 KiB
        ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, largest_window_log);
    }

    Step decode(std::span<const std::byte> in, std::span<std::byte> out) override {
        if (ended_ && !in.empty()) damaged("zstd", "bytes after its end");
        if (ended_) return {};
        ZSTD_inBuffer input{in.data(), in.size(), 0};
        ZSTD_outBuffer output{out.data(), out.size(), 0};
        const size_t result = ZSTD_decompressStream(context_.get(), &output, &input);
        if (ZSTD_isError(result)) damaged("zstd", ZSTD_getErrorName(result));
        ended_ = result == 0;
        return {input.pos, output.pos};
    }
    bool ended() const override { return ended_; }

private:
    struct Free {
        void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
    };
    std::unique_ptr<ZSTD_DCtx, Free> context_;
    bool ended_ = false;
};

class Lz4 : public Decoder {
public:
    Lz4() {
        LZ4F_dctx* raw = nullptr;
        if (LZ4F_isError(LZ4F_createDecompressionContext(&raw, LZ4F_VERSION)))
            throw Error{ExitCode::internal, "lz4: no memory"};
        context_.reset(raw);
    }

    Step decode(std::span<const std::byte> in, std::span<std::byte> out) override {
        if (ended_ && !in.empty()) damaged("lz4", "bytes after its end");
        if (ended_) return {};
        size_t consumed = in.size(), produced = out.size();
        const size_t result = LZ4F_decompress(context_.get(), out.data(), &produced, in.data(), &consumed, nullptr);
        if (LZ4F_isError(result)) damaged("lz4", LZ4F_getErrorName(result));
        ended_ = result == 0;
        return {consumed, produced};
    }
    bool ended() const override { return ended_; }

private:
    struct Free {
        void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
    };
    std::unique_ptr<LZ4F_dctx, Free> context_;
    bool ended_ = false;
};

class Gzip : public Decoder {
public:
    Gzip() {
        constexpr int gzip_only = 15 + 16; // zlib.h, inflateInit2
        if (inflateInit2(&state_, gzip_only) != Z_OK) throw Error{ExitCode::internal, "zlib: no memory"};
    }
    ~Gzip() override { inflateEnd(&state_); }
    Gzip(const Gzip&) = delete;
    Gzip& operator=(const Gzip&) = delete;

    Step decode(std::span<const std::byte> in, std::span<std::byte> out) override {
        if (ended_ && !in.empty()) damaged("gzip", "bytes after its end");
        if (ended_) return {};
        const auto limited = [](size_t size) { return static_cast<uInt>(std::min<size_t>(size, UINT_MAX)); };
        state_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
        state_.avail_in = limited(in.size());
        state_.next_out = reinterpret_cast<Bytef*>(out.data());
        state_.avail_out = limited(out.size());
        const uInt in_before = state_.avail_in, out_before = state_.avail_out;
        const int result = inflate(&state_, Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
            damaged("gzip", state_.msg ? state_.msg : "bad data");
        ended_ = result == Z_STREAM_END;
        return {in_before - state_.avail_in, out_before - state_.avail_out};
    }
    bool ended() const override { return ended_; }

private:
    z_stream state_{};
    bool ended_ = false;
};

} // namespace

std::unique_ptr<Decoder> make_decoder(Compressor compressor) {
    switch (compressor) {
    case Compressor::none:
        return std::make_unique<Plain>();
    case Compressor::zstd:
        return std::make_unique<Zstd>();
    case Compressor::lz4:
        return std::make_unique<Lz4>();
    case Compressor::gzip:
        return std::make_unique<Gzip>();
    }
    return std::make_unique<Plain>();
}

} // namespace kanshiki::ssh
