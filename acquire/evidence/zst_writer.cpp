// Writes .img.zst: one frame per 512 KiB chunk, compressed by the reading threads; every zero chunk is the same few
// bytes.
#include "acquire/block/sha256.h"
#include "acquire/block/zstd_frame.h"
#include "acquire/evidence/formats.h"
#include "acquire/evidence/partial_file.h"
#include "acquire/evidence/zst_frames.h"
#include "acquire/evidence/zst_table.h"
#include "kanshiki/error.h"
#include "kanshiki/pipeline.h"

#include <atomic>
#include <mutex>
#include <unistd.h>
#include <zstd.h>

namespace kanshiki {
namespace {

class ZstEncoder final : public Encoder {
public:
    explicit ZstEncoder(int level) : context_(ZSTD_createCCtx()) {
        if (!context_) throw std::bad_alloc();
        ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level);
        ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1); // XXH64: zstd -t finds damage without us
    }
    void encode(std::span<const std::byte> data, Encoded& out) override {
        out.bytes.resize(ZSTD_compressBound(data.size()));
        const size_t size =
            ZSTD_compress2(context_.get(), out.bytes.data(), out.bytes.size(), data.data(), data.size());
        if (ZSTD_isError(size)) throw Error(ExitCode::internal, std::string("zstd: ") + ZSTD_getErrorName(size));
        out.bytes.resize(size);
    }
    bool keep(std::vector<std::byte>& frame, size_t content, Encoded& out) override {
        if (check_chunk_frame(frame, content)) return false;
        std::swap(out.bytes, frame);
        return true;
    }

private:
    struct Free {
        void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    };
    std::unique_ptr<ZSTD_CCtx, Free> context_;
};

class ZstSink final : public EvidenceSink {
public:
    ZstSink(const std::filesystem::path& image, PartialFile::Mode mode, const SinkOptions& options)
        : options_(options), file_(image, mode), zeros_(options.level) {
        zeros_.encode(std::vector<std::byte>(chunk_size), zero_chunk_);
    }

    void go_on(uint64_t from) {
        walk_zst_frames(partial_path(file_.image()), [&](const ZstFrame& frame, std::span<const std::byte> stored) {
            if (frame.content_offset >= from) return false;
            frames_.push_back(frame);
            if (options_.hash_file) digest_.update(stored);
            return true;
        });
        if (!frames_.empty()) {
            stored_ = frames_.back().offset + frames_.back().stored;
            written_ = frames_.back().content_offset + frames_.back().content;
        }
        if (written_ != from)
            throw Error(ExitCode::altered, partial_path(file_.image()).string() +
                                               ": holds no frame that ends at byte " + std::to_string(from) +
                                               " of the image");
        file_.resize(stored_);
    }

    std::string_view format() const override { return "zst"; }
    std::unique_ptr<Encoder> encoder() const override { return std::make_unique<ZstEncoder>(options_.level); }

    void write(const Chunk& chunk) override {
        if (chunk.kind == Kind::data)
            append(chunk.encoded->bytes, static_cast<uint32_t>(chunk.range.size));
        else
            write_zeros(chunk.range.size);
        written_ = chunk.range.end();
    }

    uint64_t checkpoint() override {
        const uint64_t upto = written_;
        file_.sync();
        return upto;
    }

    uint64_t stored() const override { return stored_; }

    void commit(uint64_t) override {
        const std::vector<std::byte> table = render_seek_table(frames_);
        put(table);
        file_.sync();
    }

    void publish() override { file_.publish(); }

    std::vector<EvidenceFile> files(const std::optional<Digest>&) const override {
        Sha256 digest = digest_;
        return {{file_.image(), stored_, options_.hash_file ? std::optional(digest.finish()) : std::nullopt}};
    }

private:
    void put(std::span<const std::byte> bytes) {
        file_.write(stored_, bytes);
        if (options_.hash_file) digest_.update(bytes);
        stored_ += bytes.size();
    }

    void append(std::span<const std::byte> frame, uint32_t content) {
        note(frame.size(), content, stored_);
        put(frame);
    }

    void note(uint64_t stored, uint32_t content, uint64_t offset) {
        const uint64_t content_offset = frames_.empty() ? 0 : frames_.back().content_offset + frames_.back().content;
        frames_.push_back({offset, static_cast<uint32_t>(stored), content_offset, content});
    }

    // A run of zero chunks goes out in large writes.
    void write_zeros(uint64_t size) {
        std::vector<std::byte> batch;
        const uint64_t base = stored_;
        for (; size >= chunk_size; size -= chunk_size) {
            note(zero_chunk_.bytes.size(), chunk_size, base + batch.size());
            batch.insert(batch.end(), zero_chunk_.bytes.begin(), zero_chunk_.bytes.end());
        }
        if (size > 0) {
            Encoded last;
            zeros_.encode(std::vector<std::byte>(size), last);
            note(last.bytes.size(), static_cast<uint32_t>(size), base + batch.size());
            batch.insert(batch.end(), last.bytes.begin(), last.bytes.end());
        }
        put(batch);
    }

    const SinkOptions options_;
    PartialFile file_;
    ZstEncoder zeros_;
    Encoded zero_chunk_;
    std::vector<ZstFrame> frames_;
    Sha256 digest_;
    std::atomic<uint64_t> written_ = 0, stored_ = 0;
};

} // namespace

std::unique_ptr<EvidenceSink> create_zst(const std::filesystem::path& image, const SinkOptions& options) {
    return std::make_unique<ZstSink>(image, PartialFile::Mode::create, options);
}

std::unique_ptr<EvidenceSink> resume_zst(const std::filesystem::path& image, uint64_t from,
                                         const SinkOptions& options) {
    auto sink = std::make_unique<ZstSink>(image, PartialFile::Mode::resume, options);
    sink->go_on(from);
    return sink;
}

} // namespace kanshiki
