// The story of one acquisition: check everything first, open or reopen the outputs, run, finish.
#include "acquire/acquisition/acquisition.h"

#include "acquire/acquisition/leaf_recorder.h"
#include "acquire/acquisition/logged_events.h"
#include "acquire/acquisition/output.h"
#include "acquire/acquisition/read_back.h"
#include "acquire/acquisition/resume.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <sys/statvfs.h>

namespace kanshiki {
namespace {

namespace fs = std::filesystem;

class Acquisition {
public:
    Acquisition(const AcquireOptions& options, Events& events, std::stop_token stop)
        : options_(options), events_(events), stop_(stop), sealer_(options.seal), digests_(options.digests) {
        sink_options_.level = options.level;
        sink_options_.hash_file = !options.digests.empty();
        sink_options_.split = options.split;
        sink_options_.case_info = options.case_info;
    }

    AcquireResult run();

private:
    void check_outputs();
    void open_the_source();
    void begin();
    void go_on();
    void read_the_source(Pipeline& pipeline);
    void finish(const PipelineResult& result);
    void stamp();
    Manifest describe(const PipelineResult& result) const;
    PipelineOptions pipeline_options(const char* phase) const;

    const AcquireOptions& options_;
    LoggedEvents events_;
    const std::stop_token stop_;
    const Sealer sealer_;
    std::vector<DigestAlgorithm> digests_; // asked for, and those that a format has a place for
    SinkOptions sink_options_;
    std::vector<std::unique_ptr<Output>> outputs_; // those still to be written
    std::unique_ptr<BlockSource> source_;
    std::optional<Digest> partition_table_;
    SourceMark mark_;
    bool resuming_ = false;
    Kept kept_;
    std::vector<Bad> bad_;
    AcquireResult result_;
};

PipelineOptions Acquisition::pipeline_options(const char* phase) const {
    PipelineOptions out;
    out.digests = digests_;
    out.threads = options_.threads;
    out.phase = phase;
    return out;
}

// Everything that can be refused is refused before the first byte moves.
void Acquisition::check_outputs() {
    for (const fs::path& image : options_.images) {
        outputs_.push_back(std::make_unique<Output>(image));
        for (const DigestAlgorithm algorithm : outputs_.back()->format.digests)
            if (std::find(digests_.begin(), digests_.end(), algorithm) == digests_.end()) digests_.push_back(algorithm);
    }
    for (size_t i = 0; i < outputs_.size(); ++i)
        for (size_t k = 0; k < i; ++k)
            if (fs::weakly_canonical(options_.images[i]) == fs::weakly_canonical(options_.images[k]))
                throw Error(ExitCode::usage, options_.images[i].string() + ": given twice as -o");

    size_t unfinished = 0;
    for (const auto& output : outputs_) {
        const std::string image = output->paths.image.string();
        if (options_.force)
            output->remove_all();
        else if (output->finished() && !options_.resume)
            throw Error(ExitCode::usage, image + ": exists; evidence is not overwritten without --force");
        else if (output->unfinished() && !options_.resume)
            throw Error(ExitCode::usage,
                        partial_path(output->paths.image).string() +
                            ": an unfinished acquisition; go on with --resume, or start again with --force");
        if (output->orphaned())
            throw Error(ExitCode::usage,
                        image + ": its manifest is here, the image is not; bring it back, or start anew with --force");
        if (output->unfinished()) ++unfinished;
    }
    std::erase_if(outputs_, [](const auto& output) { return output->finished(); });
    if (outputs_.empty()) return;
    if (unfinished != 0 && unfinished != outputs_.size())
        throw Error(ExitCode::usage,
                    "only some of the images are unfinished: resume those alone, or start all again with --force");
    resuming_ = unfinished != 0;
    if (options_.resume && !resuming_ && outputs_.size() != options_.images.size())
        throw Error(ExitCode::usage,
                    outputs_.front()->paths.image.string() +
                        ": nothing to resume, but another image of this run is complete; copy it instead");
    if (options_.resume && !resuming_) events_.report({"notice", "nothing to resume: starting afresh"});
    for (const auto& output : outputs_) output->prepare_folder();
}

void Acquisition::open_the_source() {
    source_ = options_.open_with ? options_.open_with(options_.open, events_)
                                 : open_source(options_.source, options_.open, events_, stop_);
    const SourceInfo& info = source_->info();
    if (info.size) partition_table_ = partition_table_digest(*source_, stop_);
    mark_ = SourceMark::of(info, partition_table_);
    sink_options_.size = info.size;
    sink_options_.logical_sector = info.logical_sector;
    for (const auto& output : outputs_) {
        struct statvfs room {};
        const fs::path folder = output->paths.image.parent_path().empty() ? "." : output->paths.image.parent_path();
        if (!resuming_ && info.size && ::statvfs(folder.c_str(), &room) == 0 &&
            room.f_bavail * room.f_frsize < *info.size)
            events_.report(
                {"notice", folder.string() + " has less room than the source is large: the image may not fit"});
    }
}

void Acquisition::begin() {
    sink_options_.started = kept_.started;
    std::vector<AuditLog*> logs;
    for (const auto& output : outputs_) {
        output->create(sink_options_, source_->info().size, describe_start(options_, mark_, *output));
        logs.push_back(output->log.get());
    }
    events_.attach(logs);
}

// The kept part is read back: each chunk against its leaf, the ordered digests rebuilt on the way.
void Acquisition::go_on() {
    kept_.upto = ~uint64_t{0};
    for (const auto& output : outputs_) {
        Kept kept = read_kept(*output, options_, mark_);
        if (kept.upto < kept_.upto) kept_ = std::move(kept);
    }
    for (const auto& output : outputs_) output->cut_to(kept_.upto, mark_.size);
    for (const auto& output : outputs_) {
        if (output == outputs_.front()) continue;
        PipelineOptions compare_only = pipeline_options("check kept part");
        compare_only.digests.clear();
        Pipeline pipeline(compare_only, events_);
        replay_kept(*output, kept_.upto, pipeline, stop_);
    }
    std::erase_if(kept_.bad, [&](const Bad& bad) { return bad.range.offset >= kept_.upto; });
    result_.resumed_at = kept_.upto;
}

void Acquisition::read_the_source(Pipeline& pipeline) {
    std::vector<EvidenceSink*> sinks;
    for (const auto& output : outputs_) sinks.push_back(output->sink.get());
    LeafRecorder recorder(outputs_, events_, source_->info().live, kept_.bad, kept_.upto);
    try {
        pipeline.run(*source_, {}, sinks, &recorder, &recorder, stop_);
    } catch (const Error& error) {
        events_.log("stopped", {{"exit", uint64_t(error.code())}, {"message", std::string(error.what())}});
        if (options_.source == "-") throw;
        throw Error(error.code(), error.what() + ("; " + std::to_string(recorder.durable_upto()) +
                                                  " bytes are kept: go on with --resume"));
    }
    bad_ = recorder.bad();
}

Manifest Acquisition::describe(const PipelineResult& result) const {
    const SourceInfo& info = source_->info();
    Manifest manifest;
    manifest.case_info = options_.case_info;
    manifest.tool = this_tool(options_.arguments);
    manifest.host = this_host();
    manifest.source_uri = info.uri;
    manifest.source_kind = info.kind;
    manifest.logical_sector = info.logical_sector;
    manifest.physical_sector = info.physical_sector;
    manifest.source_identity = info.identity;
    manifest.partition_table_sha256 = partition_table_;
    manifest.live = info.live;
    manifest.live_why = info.live_why;
    manifest.started = kept_.started;
    manifest.ended = utc_now();
    manifest.resumed_at = kept_.resumed_at;
    manifest.size = result.size;
    manifest.chunks = result.chunks;
    manifest.zero_chunks = result.zero_chunks;
    manifest.root = result.root;
    for (const auto& [algorithm, digest] : result.digests)
        manifest.digests[std::string(digest_name(algorithm))] = to_hex(digest);
    set_unreadable(manifest, bad_);
    return manifest;
}

// data, log, map and chunk list, manifest, signature, name: each durable before the next.
void Acquisition::finish(const PipelineResult& result) {
    for (const auto& output : outputs_) {
        if (const std::string lost = output->sink->describe({result.digests, bad_}); !lost.empty())
            events_.report({"notice", lost});
        output->sink->commit(result.size);
        if (options_.read_back) read_back(*output, pipeline_options("read back"), result.root, events_, stop_);
    }
    events_.log("complete",
                {{"size", result.size}, {"root", to_hex(result.root)}, {"unreadable_ranges", uint64_t(bad_.size())}});
    events_.detach();
    Manifest manifest = describe(result);
    for (const auto& output : outputs_) {
        output->publish(manifest, bad_, sealer_);
        if (output == outputs_.front()) result_.manifest = manifest;
    }
}

// Last, since it waits for another's server: the evidence is complete by now, whatever comes of it.
void Acquisition::stamp() {
    result_.signed_by = sealer_.fingerprint();
    if (!sealer_.stamps()) return;
    try {
        for (const auto& output : outputs_) result_.stamped.push_back(sealer_.stamp(output->paths.manifest, stop_));
    } catch (const Error& error) {
        result_.not_stamped = error.what();
    }
}

AcquireResult Acquisition::run() {
    check_outputs();
    if (outputs_.empty()) {
        const Companions paths = Companions::of(options_.images.front());
        result_.manifest =
            parse_manifest(read_file(paths.manifest, 64 << 20, ExitCode::altered), paths.manifest.string());
        result_.was_complete = true;
        return result_;
    }
    open_the_source();
    kept_.started = utc_now();
    Pipeline pipeline(pipeline_options("acquire"), events_);
    if (resuming_) {
        go_on();
        replay_kept(*outputs_.front(), kept_.upto, pipeline, stop_);
        compare_last_kept(*source_, *outputs_.front(), kept_, stop_);
        std::vector<AuditLog*> logs;
        sink_options_.started = kept_.started;
        for (const auto& output : outputs_) {
            output->go_on(kept_.upto, sink_options_);
            logs.push_back(output->log.get());
        }
        kept_.resumed_at.push_back(kept_.upto);
        events_.attach(logs);
    } else {
        begin();
    }
    read_the_source(pipeline);
    finish(pipeline.finish());
    stamp();
    return result_;
}

} // namespace

AcquireResult acquire(const AcquireOptions& options, Events& events, std::stop_token stop) {
    if (options.resume && options.source == "-")
        throw Error(ExitCode::usage, "standard input cannot be resumed: it can be read only once");
    return Acquisition(options, events, stop).run();
}

} // namespace kanshiki
