#pragma once
// A small image with everything beside it, made from bytes in memory.

#include "acquire/acquisition/output.h"
#include "kanshiki/error.h"
#include "kanshiki/pipeline.h"
#include "kanshiki/verify.h"
#include "support/folder.h"

#include <cerrno>
#include <random>

namespace kanshiki::test {

class Silence final : public Events {
public:
    void report(const Event&) override {}
    void progress(const Progress&) override {}
};

// Reads as `bytes` with the bad ranges as zeros.
class VolumeWithBadRanges final : public BlockSource {
public:
    VolumeWithBadRanges(std::vector<std::byte> bytes, std::vector<Bad> bad)
        : bytes_(std::move(bytes)), bad_(std::move(bad)) {
        info_.uri = "memory";
        info_.kind = "memory";
        info_.size = bytes_.size();
    }
    const SourceInfo& info() const override { return info_; }
    void read(Read& read, std::stop_token) override {
        const uint64_t end = std::min<uint64_t>(bytes_.size(), read.offset + read.into.size());
        read.got = end - read.offset;
        std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(read.offset), read.got, read.into.begin());
        for (const Bad& bad : bad_) {
            const uint64_t from = std::max(bad.range.offset, read.offset), to = std::min(bad.range.end(), end);
            if (from >= to) continue;
            std::fill_n(read.into.begin() + static_cast<std::ptrdiff_t>(from - read.offset), to - from, std::byte{0});
            read.bad.push_back({{from, to - from}, bad.error});
        }
    }

private:
    std::vector<std::byte> bytes_;
    std::vector<Bad> bad_;
    SourceInfo info_;
};

// Half noise, half text, so that a compressed frame of it has all kinds of blocks.
inline std::vector<std::byte> mixed_bytes(uint64_t size, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<std::byte> out(size);
    for (uint64_t i = 0; i < size; ++i)
        out[i] = i / 4096 % 2 ? static_cast<std::byte>(random()) : static_cast<std::byte>("forensic image "[i % 15]);
    return out;
}

struct EvidenceOptions {
    std::vector<Bad> bad;
    std::vector<DigestAlgorithm> digests{DigestAlgorithm::sha256, DigestAlgorithm::md5};
};

inline Manifest make_evidence(const std::filesystem::path& image, const std::vector<std::byte>& bytes,
                              const EvidenceOptions& options = {}) {
    Silence silence;
    VolumeWithBadRanges source(bytes, options.bad);
    Output output(image);
    output.create({1, !options.digests.empty()}, bytes.size(), {{"source", std::string("memory")}});
    struct Recorder final : LeafObserver {
        explicit Recorder(ChunkListWriter& to) : chunks(to) {}
        void leaf(const LeafRun& run) override { chunks.append(run.leaf, run.count); }
        ChunkListWriter& chunks;
    } recorder(*output.chunks);
    PipelineOptions pipeline_options;
    pipeline_options.digests = options.digests;
    Pipeline pipeline(pipeline_options, silence);
    EvidenceSink* sinks[] = {output.sink.get()};
    pipeline.run(source, {}, sinks, &recorder, nullptr, {});
    const PipelineResult result = pipeline.finish();
    output.sink->commit(result.size);
    output.chunks->sync();
    output.log->append("complete", {{"size", result.size}});

    Manifest m;
    m.case_info = {"42", "E-1", "examiner", "authority", "note"};
    m.tool = this_tool({"test"});
    m.host = this_host();
    m.source_uri = m.source_kind = "memory";
    m.source_identity = {{"serial", "0123"}};
    m.started = m.ended = utc_now();
    m.size = result.size;
    m.chunks = result.chunks;
    m.zero_chunks = result.zero_chunks;
    m.root = result.root;
    for (const auto& [algorithm, digest] : result.digests)
        m.digests[std::string(digest_name(algorithm))] = to_hex(digest);
    m.unreadable = options.bad;
    for (const Bad& bad : options.bad) {
        m.unreadable_bytes += bad.range.size;
        for (uint64_t chunk = bad.range.offset / chunk_size; chunk <= (bad.range.end() - 1) / chunk_size; ++chunk)
            if (m.chunks_touched.empty() || m.chunks_touched.back() < chunk) m.chunks_touched.push_back(chunk);
    }
    output.publish(m, options.bad, Sealer({}));
    return m;
}

inline VerifyResult verify(const std::filesystem::path& image, std::optional<Digest> expected = {}) {
    Silence silence;
    VerifyOptions options;
    options.image = image;
    options.expect_root = expected;
    return verify_image(options, silence, {});
}

// Files of ours are 0400; a test that is not root must still be able to damage them.
inline void overwrite(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::remove(path);
    put(path, text);
}

} // namespace kanshiki::test
