// Split raw: the image as it is in pieces NAME.001, NAME.002 …; `cat NAME.*` restores it. Zero chunks are holes.
#include "acquire/block/file_descriptor.h"
#include "acquire/block/sha256.h"
#include "acquire/evidence/formats.h"
#include "acquire/evidence/padded_source.h"
#include "acquire/evidence/segment_writer.h"
#include "acquire/evidence/segments.h"
#include "acquire/source/file_source.h"
#include "kanshiki/checksum_list.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <atomic>

namespace kanshiki {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t default_split = uint64_t{1500} << 20;

class SplitSink final : public EvidenceSink {
public:
    SplitSink(const fs::path& image, const SinkOptions& options)
        : options_(options), split_(split_of(options)), files_(std::make_unique<SegmentWriter>(image)) {}

    SplitSink(const fs::path& image, const SinkOptions& options, uint64_t from)
        : options_(options), split_(split_of(options)), written_(from) {
        std::vector<EvidenceFile> kept;
        const uint64_t whole = from == 0 ? 0 : (from - 1) / split_; // the last one kept is written on, even if full
        const std::vector<fs::path> there = partial_files(image);
        if (there.size() <= whole)
            throw Error(ExitCode::altered,
                        partial_path(image).string() + ": segment " + std::to_string(there.size() + 1) + " is missing");
        for (uint32_t i = 0; i < whole; ++i) {
            if (fs::file_size(there[i]) != split_)
                throw Error(ExitCode::refused, there[i].string() + ": is not of the size given by --split; give it "
                                                                   "what it was begun with");
            kept.push_back({segment_path(image, i + 1), split_, {}});
            if (options_.hash_file) kept.back().sha256 = sha256_of_file(there[i]);
        }
        const uint64_t last = from - whole * split_;
        files_ = std::make_unique<SegmentWriter>(image, std::move(kept), last);
        if (options_.hash_file) hash_kept(partial_segment_path(image, files_->number()), last);
    }

    std::string_view format() const override { return "split raw"; }

    void write(const Chunk& chunk) override {
        for (uint64_t done = 0; done < chunk.range.size;) {
            if (files_->size() == split_) {
                files_->next(own_digest());
                digest_ = {};
            }
            const uint64_t size = std::min(chunk.range.size - done, split_ - files_->size());
            if (chunk.kind == Kind::data)
                put(chunk.data.subspan(done, size));
            else
                put_zeros(size);
            done += size;
        }
        written_ = chunk.range.end();
    }

    uint64_t checkpoint() override {
        const uint64_t upto = written_;
        files_->sync();
        return upto;
    }

    uint64_t stored() const override { return stored_; }
    void commit(uint64_t) override { files_->finish(own_digest()); }
    void publish() override { files_->publish(); }

    // A single segment is the image itself, whose digest is known.
    std::vector<EvidenceFile> files(const std::optional<Digest>&) const override { return files_->finished(); }

private:
    static uint64_t split_of(const SinkOptions& options) { return options.split ? options.split : default_split; }

    void put(std::span<const std::byte> bytes) {
        files_->append(bytes);
        if (options_.hash_file) digest_.update(bytes);
        stored_ += bytes.size();
    }

    void put_zeros(uint64_t size) {
        files_->skip(size);
        hash_zeros(size);
    }

    void hash_zeros(uint64_t size) {
        static const std::vector<std::byte> zeros(1024 * 1024);
        for (uint64_t done = 0; done < size && options_.hash_file;) {
            const uint64_t part = std::min<uint64_t>(zeros.size(), size - done);
            digest_.update(std::span(zeros).first(part));
            done += part;
        }
    }

    // An unfinished segment ends with its last data; zeros follow.
    void hash_kept(const fs::path& file, uint64_t size) {
        const auto kept = open_file_source(file.string(), "split raw");
        std::vector<std::byte> block(1024 * 1024);
        for (uint64_t at = 0; at < size; at += block.size()) {
            Read read{.offset = at, .into = std::span(block).first(std::min<uint64_t>(block.size(), size - at))};
            kept->read(read, {});
            digest_.update(read.into.first(read.got));
            hash_zeros(read.into.size() - read.got);
        }
    }

    std::optional<Digest> own_digest() const {
        if (!options_.hash_file) return {};
        Sha256 digest = digest_;
        return digest.finish();
    }

    const SinkOptions options_;
    const uint64_t split_;
    std::unique_ptr<SegmentWriter> files_;
    Sha256 digest_; // of the current segment
    std::atomic<uint64_t> written_ = 0, stored_ = 0;
};

// Sources one behind the other.
class Joined final : public BlockSource {
public:
    Joined(const fs::path& image, std::vector<std::unique_ptr<BlockSource>> parts) : parts_(std::move(parts)) {
        info_ = parts_.front()->info();
        info_.uri = image.string();
        uint64_t end = 0;
        for (const auto& part : parts_) ends_.push_back(end += *part->info().size);
        info_.size = end;
    }
    const SourceInfo& info() const override { return info_; }

    std::vector<Extent> extents(Range within, std::stop_token stop) override {
        std::vector<Extent> out;
        for (uint64_t at = within.offset; at < std::min(within.end(), ends_.back());) {
            const size_t i = part_at(at);
            const uint64_t end = std::min(within.end(), ends_[i]);
            for (Extent extent : parts_[i]->extents({at - start(i), end - at}, stop)) {
                extent.range.offset += start(i);
                out.push_back(extent);
            }
            at = end;
        }
        return out;
    }

    void read(Read& read, std::stop_token stop) override {
        read.got = 0;
        read.kind = Kind::data;
        read.bad.clear();
        while (read.got < read.into.size() && read.offset + read.got < ends_.back()) {
            const uint64_t at = read.offset + read.got;
            const size_t i = part_at(at);
            Read part{.offset = at - start(i),
                      .into =
                          read.into.subspan(read.got, std::min<uint64_t>(read.into.size() - read.got, ends_[i] - at))};
            parts_[i]->read(part, stop);
            for (Bad bad : part.bad) {
                bad.range.offset += start(i);
                read.bad.push_back(bad);
            }
            if (part.got == read.into.size()) read.kind = part.kind;
            read.got += part.got;
            if (part.got < part.into.size()) return; // it has become shorter
        }
    }

private:
    size_t part_at(uint64_t at) const {
        return static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.end(), at) - ends_.begin());
    }
    uint64_t start(size_t part) const { return part == 0 ? 0 : ends_[part - 1]; }

    std::vector<std::unique_ptr<BlockSource>> parts_;
    std::vector<uint64_t> ends_; // of each part, in the whole
    SourceInfo info_;
};

std::unique_ptr<BlockSource> open_parts(const fs::path& image) {
    std::vector<std::unique_ptr<BlockSource>> parts;
    for (uint32_t number = 1; number <= most_segments(image); ++number) {
        const fs::path segment = find_segment(image, number);
        std::error_code ignored;
        if (number > 1 && !fs::is_regular_file(segment, ignored)) break;
        parts.push_back(open_file_source(segment.string(), "split raw"));
    }
    return std::make_unique<Joined>(image, std::move(parts));
}

} // namespace

std::unique_ptr<EvidenceSink> create_split(const fs::path& image, const SinkOptions& options) {
    return std::make_unique<SplitSink>(image, options);
}

std::unique_ptr<EvidenceSink> resume_split(const fs::path& image, uint64_t from, const SinkOptions& options) {
    return std::make_unique<SplitSink>(image, options, from);
}

std::unique_ptr<BlockSource> open_split(const fs::path& file) { return open_parts(file); }

std::unique_ptr<BlockSource> salvage_split(const fs::path& file, uint64_t upto) {
    return std::make_unique<PaddedSource>(open_parts(file), upto);
}

} // namespace kanshiki
