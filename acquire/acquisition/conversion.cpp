#include "acquire/acquisition/conversion.h"

#include "acquire/acquisition/leaf_recorder.h"
#include "acquire/acquisition/output.h"
#include "acquire/source/overlay.h"
#include "acquire/verify/stored_digests.h"
#include "kanshiki/checksum_list.h"
#include "kanshiki/custody_log.h"
#include "kanshiki/error.h"
#include "kanshiki/escape.h"
#include "kanshiki/mapfile.h"

#include <algorithm>
#include <cstring>

namespace kanshiki {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t largest_manifest = 64 << 20, largest_map = 256 << 20;

// What is known of the old image beside its bytes.
struct Old {
    std::unique_ptr<BlockSource> kept;    // of a repair: the damaged image, as far as it can be followed
    std::unique_ptr<BlockSource> content; // what is passed on
    std::optional<Manifest> manifest;
    std::optional<Digest> manifest_sha256;
    std::unique_ptr<ChunkListReader> leaves;
    StoredDigests stored;
    std::vector<Bad> bad; // unreadable at the source, by manifest and map
};

[[noreturn]] void altered(const fs::path& image, const std::string& what) {
    throw Error(ExitCode::altered, image.string() + ": " + what + "; nothing was written. kanshiki verify says more");
}

std::string place(const Range& range) {
    return "chunk " + std::to_string(range.offset / chunk_size) + " (bytes " + std::to_string(range.offset) + " to " +
           std::to_string(range.end() - 1) + ")";
}

// All unreadable ranges: the manifest's list, or, where that is cut, the map's.
std::vector<Bad> unreadable_of(const Manifest& manifest, const Companions& files) {
    if (manifest.unreadable_ranges == manifest.unreadable.size()) return manifest.unreadable;
    std::vector<Bad> out;
    for (const MapRow& row : parse_mapfile(read_file(files.map, largest_map, ExitCode::altered), files.map.string()))
        if (row.status == '-') out.push_back({row.range, EIO});
    return out;
}

Old open_old(const ConvertOptions& options) {
    const fs::path& image = options.image;
    const EvidenceFormat* format = find_evidence_format(image);
    std::error_code error;
    if (!fs::exists(image, error)) throw Error(ExitCode::usage, image.string() + ": no such image");
    if (!format) throw Error(ExitCode::usage, image.string() + ": not the name of an image that can be read");
    Old old;
    const Companions files = Companions::of(image);
    if (fs::exists(files.manifest, error)) {
        old.manifest =
            parse_manifest(read_file(files.manifest, largest_manifest, ExitCode::altered), files.manifest.string());
        old.manifest_sha256 = sha256_of_file(files.manifest, ExitCode::altered);
        old.bad = unreadable_of(*old.manifest, files);
    }
    if (fs::exists(files.chunks, error)) old.leaves = std::make_unique<ChunkListReader>(files.chunks);
    if (options.source) {
        if (!old.manifest || !old.leaves)
            throw Error(ExitCode::usage, image.string() + ": a repair needs its manifest and its chunk list");
        // Without a way to follow a damaged file the format stores chunks as they are, and opens whatever is there.
        old.kept = format->salvage ? format->salvage(image, old.manifest->size) : format->open(image);
        old.content = std::make_unique<Overlay>(*old.kept, *options.source, options.damaged, old.manifest->size);
        return old;
    }
    try {
        old.content = format->open(image);
    } catch (const Error& wrong) {
        if (wrong.code() == ExitCode::never_valid && old.manifest) throw Error(ExitCode::altered, wrong.what());
        throw;
    }
    old.stored = stored_digests(*old.content);
    if (old.manifest && *old.content->info().size != old.manifest->size)
        altered(image, "has " + std::to_string(*old.content->info().size) + " bytes, its manifest says " +
                           std::to_string(old.manifest->size));
    return old;
}

// Each chunk against its old leaf before it is on its way into a new list.
class Compare final : public LeafObserver {
public:
    Compare(const fs::path& image, Old& old, LeafRecorder& recorder) : image_(image), old_(old), recorder_(recorder) {}

    void leaf(const LeafRun& run) override {
        for (const Bad& bad : run.bad)
            if (bad.error != recorded_unreadable)
                altered(image_, place({bad.range.offset, run.range.end() - bad.range.offset}) +
                                    " cannot be read: " + std::strerror(bad.error));
        for (uint64_t i = 0; old_.leaves && i < run.count; ++i) {
            const uint64_t offset = run.range.offset + i * chunk_size;
            if (run.first + i >= old_.leaves->size() || (*old_.leaves)[run.first + i] != run.leaf)
                altered(image_, place({offset, std::min(chunk_size, run.range.end() - offset)}) +
                                    " differs from what was imaged");
        }
        LeafRun passed = run;
        if (old_.manifest) passed.bad = {}; // its list is handed on instead
        recorder_.leaf(passed);
    }

private:
    const fs::path& image_;
    Old& old_;
    LeafRecorder& recorder_;
};

class Conversion {
public:
    Conversion(const ConvertOptions& options, Events& events, std::stop_token stop)
        : options_(options), events_(events), stop_(stop) {}

    ConvertResult run() {
        old_ = open_old(options_);
        check_outputs();
        choose_digests();
        begin();
        try {
            Pipeline pipeline(pipeline_options(), events_);
            transfer(pipeline);
            const PipelineResult result = pipeline.finish();
            compare(result);
            finish(result);
        } catch (...) {
            events_.detach();
            remove_unfinished();
            throw;
        }
        return std::move(result_);
    }

private:
    void check_outputs() {
        const std::vector<fs::path> read = image_files(options_.image);
        for (const fs::path& image : options_.outputs) {
            const Output& output = *outputs_.emplace_back(std::make_unique<Output>(image));
            for (const fs::path& there : image_files(image))
                for (const fs::path& source : read)
                    if (fs::equivalent(there, source))
                        throw Error(ExitCode::usage, image.string() + ": is the image that is converted");
            for (size_t i = 0; i + 1 < outputs_.size(); ++i)
                if (fs::weakly_canonical(options_.outputs[i]) == fs::weakly_canonical(image))
                    throw Error(ExitCode::usage, image.string() + ": given twice as -o");
            if (options_.force) continue;
            if (output.finished())
                throw Error(ExitCode::usage, image.string() + ": exists; evidence is not overwritten without --force");
            if (output.unfinished())
                throw Error(ExitCode::usage, partial_path(image).string() + ": is unfinished; finish it, or start "
                                                                            "again with --force");
            if (output.orphaned())
                throw Error(ExitCode::usage,
                            image.string() + ": its manifest is here, the image is not; --force replaces it");
        }
        for (const auto& output : outputs_) {
            if (options_.force) output->remove_all();
            output->prepare_folder();
        }
    }

    void choose_digests() {
        const auto add = [&](DigestAlgorithm algorithm) {
            if (std::find(digests_.begin(), digests_.end(), algorithm) == digests_.end()) digests_.push_back(algorithm);
        };
        if (options_.digests)
            digests_ = *options_.digests;
        else if (!old_.manifest)
            add(DigestAlgorithm::sha256);
        if (old_.manifest)
            for (const auto& [name, hex] : old_.manifest->digests) add(*digest_from_name(name));
        for (const auto& [algorithm, hex] : old_.stored) add(algorithm);
        for (const auto& output : outputs_)
            for (const DigestAlgorithm algorithm : output->format.digests) add(algorithm);
    }

    void begin() {
        started_ = utc_now();
        const SourceInfo& info = old_.content->info();
        SinkOptions sink_options;
        sink_options.level = options_.level;
        sink_options.hash_file = std::find(digests_.begin(), digests_.end(), DigestAlgorithm::sha256) != digests_.end();
        sink_options.split = options_.split;
        sink_options.size = info.size;
        sink_options.logical_sector = old_.manifest ? old_.manifest->logical_sector : info.logical_sector;
        if (old_.manifest) sink_options.case_info = old_.manifest->case_info;
        sink_options.started = old_.manifest ? old_.manifest->started : started_;
        std::vector<AuditLog*> logs;
        for (const auto& output : outputs_) {
            output->create(sink_options, info.size,
                           {{"conversion_of", options_.image.filename().string()},
                            {"manifest_sha256", old_.manifest_sha256 ? to_hex(*old_.manifest_sha256) : ""},
                            {"source_kind", info.kind},
                            {"format", std::string(output->format.name)},
                            {"arguments", options_.arguments}});
            logs.push_back(output->log.get());
        }
        events_.attach(logs);
    }

    PipelineOptions pipeline_options() const {
        PipelineOptions out;
        out.digests = digests_;
        out.threads = options_.threads;
        out.phase = options_.source ? "repair" : "convert";
        return out;
    }

    void transfer(Pipeline& pipeline) {
        std::vector<EvidenceSink*> sinks;
        for (const auto& output : outputs_) sinks.push_back(output->sink.get());
        LeafRecorder recorder(outputs_, events_, false, old_.bad, 0);
        Compare compare(options_.image, old_, recorder);
        pipeline.run(*old_.content, {}, sinks, &compare, &recorder, stop_);
        bad_ = recorder.bad();
    }

    // What no single chunk can say.
    void compare(const PipelineResult& read) {
        std::vector<std::string>& compared = result_.compared;
        if (old_.leaves) {
            if (old_.leaves->size() != read.chunks)
                altered(options_.image, "its chunk list has " + std::to_string(old_.leaves->size()) +
                                            " leaves, the image " + std::to_string(read.chunks) + " chunks");
            compared.push_back(std::to_string(read.chunks) + " leaves");
        }
        if (old_.manifest) {
            if (old_.manifest->root != read.root) altered(options_.image, "its root is not the manifest's");
            compared.push_back("root");
            for (const auto& [name, hex] : old_.manifest->digests) {
                if (to_hex(read.digests.at(*digest_from_name(name))) != hex)
                    altered(options_.image, "its " + name + " is not the manifest's");
                compared.push_back(name);
            }
        }
        for (const auto& [algorithm, hex] : old_.stored) {
            const std::string what = std::string(digest_name(algorithm)) + " stored in the image";
            if (to_hex(read.digests.at(algorithm)) != hex) altered(options_.image, "the " + what + " is not its own");
            compared.push_back(what);
        }
    }

    Manifest describe(const PipelineResult& read) const {
        const SourceInfo& info = old_.content->info();
        Manifest m;
        if (old_.manifest) {
            const Manifest& from = *old_.manifest;
            m.case_info = from.case_info;
            m.source_uri = from.source_uri;
            m.source_kind = from.source_kind;
            m.logical_sector = from.logical_sector;
            m.physical_sector = from.physical_sector;
            m.source_identity = from.source_identity;
            m.partition_table_sha256 = from.partition_table_sha256;
            m.live = from.live;
            m.live_why = from.live_why;
        } else {
            m.source_uri = info.uri;
            m.source_kind = info.kind;
            m.logical_sector = info.logical_sector;
            m.physical_sector = info.physical_sector;
            m.source_identity = info.identity;
        }
        m.derived_from =
            Derivation{options_.source ? "repair" : "convert", to_utf8_lossless(options_.image.filename().string()),
                       old_.manifest_sha256, options_.damaged};
        m.tool = this_tool(options_.arguments);
        m.host = this_host();
        m.started = started_;
        m.ended = utc_now();
        m.size = read.size;
        m.chunks = read.chunks;
        m.zero_chunks = read.zero_chunks;
        m.root = read.root;
        for (const auto& [algorithm, digest] : read.digests)
            m.digests[std::string(digest_name(algorithm))] = to_hex(digest);
        set_unreadable(m, bad_);
        return m;
    }

    void finish(const PipelineResult& read) {
        for (const auto& output : outputs_) {
            if (const std::string lost = output->sink->describe({read.digests, bad_}); !lost.empty())
                events_.report({"notice", lost});
            output->sink->commit(read.size);
        }
        events_.log("complete", {{"size", read.size},
                                 {"root", to_hex(read.root)},
                                 {"compared", result_.compared},
                                 {"unreadable_ranges", uint64_t(bad_.size())}});
        events_.detach();
        Manifest manifest = describe(read);
        for (const auto& output : outputs_) {
            output->publish(manifest, bad_, Sealer({})); // kanshiki seal signs it, if it is to be
            if (output == outputs_.front()) result_.manifest = manifest;
        }
        result_.foreign = !old_.manifest;
        record(read);
    }

    // In the old image's custody log. A folder that cannot be written is no failure of the conversion.
    void record(const PipelineResult& read) {
        if (!old_.manifest) return;
        std::vector<std::string> names;
        for (const auto& output : outputs_) names.push_back(output->paths.image.filename().string());
        const std::optional<std::string> why =
            try_record_act(options_.image, options_.source ? "repair" : "convert",
                           {{"images", names}, {"root", to_hex(read.root)}, {"compared", result_.compared}});
        if (why)
            events_.report({"notice", "the new image stands, but is not in the custody log of the old image: " + *why});
    }

    // Half a conversion is no evidence, and cannot be resumed.
    void remove_unfinished() noexcept {
        for (const auto& output : outputs_) {
            if (output->finished()) continue;
            output->sink.reset();
            output->chunks.reset();
            output->log.reset();
            try {
                output->remove_all();
            } catch (const Error& error) {
                events_.report({"notice", error.what()});
            }
        }
    }

    const ConvertOptions& options_;
    LoggedEvents events_;
    const std::stop_token stop_;
    Old old_;
    std::vector<std::unique_ptr<Output>> outputs_;
    std::vector<DigestAlgorithm> digests_;
    std::string started_;
    std::vector<Bad> bad_;
    ConvertResult result_;
};

} // namespace

ConvertResult convert_image(const ConvertOptions& options, Events& events, std::stop_token stop) {
    return Conversion(options, events, stop).run();
}

} // namespace kanshiki
