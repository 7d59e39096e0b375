#include "acquire/acquisition/resume.h"

#include "acquire/block/aligned_buffer.h"
#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki {
namespace {

constexpr uint64_t compared_chunks = 8; // 4 MiB of the source, read once more

std::string identity(const SourceInfo& info, std::string_view name) {
    for (const auto& [key, value] : info.identity)
        if (key == name) return value;
    return "";
}

std::vector<std::string> digest_names(const AcquireOptions& options) {
    std::vector<std::string> names;
    for (const DigestAlgorithm algorithm : options.digests) names.emplace_back(digest_name(algorithm));
    return names;
}

std::string split_text(const AcquireOptions& options) { return options.split ? std::to_string(options.split) : ""; }

[[noreturn]] void another(const Output& output, const std::string& what, const std::string& was,
                          const std::string& is) {
    throw Error(ExitCode::refused, partial_path(output.paths.image).string() + ": begun with another " + what + " (" +
                                       was + ", now " + is +
                                       "); give it what it was begun with, or start again with --force");
}

void compare_start(const LogLine& start, const Output& output, const AcquireOptions& options, const SourceMark& mark) {
    const auto same = [&](const char* field, const std::string& is) {
        const std::string was = log_string(start, field).value_or("");
        if (was != is) another(output, field, was.empty() ? "none" : was, is.empty() ? "none" : is);
    };
    same("source_kind", mark.kind);
    same("source_size", mark.size ? std::to_string(*mark.size) : "");
    same("logical_sector", std::to_string(mark.logical_sector));
    same("model", mark.model);
    same("serial", mark.serial);
    same("partition_table_sha256", mark.partition_table);
    same("format", std::string(output.format.name));
    same("split", split_text(options));
    if (log_strings(start, "hash") != digest_names(options)) {
        std::string was;
        for (const std::string& name : log_strings(start, "hash")) was += (was.empty() ? "" : ",") + name;
        another(output, "--hash", was.empty() ? "none" : was, "not that");
    }
}

// Checks each chunk that the pipeline reads back against the list.
class CompareWithLeaves final : public LeafObserver {
public:
    explicit CompareWithLeaves(const Output& output)
        : leaves_(output.paths.chunks), image_(partial_path(output.paths.image)) {}
    void leaf(const LeafRun& run) override {
        for (uint64_t i = run.first; i < run.first + run.count; ++i)
            if (leaves_[i] != run.leaf)
                throw Error(ExitCode::altered,
                            image_.string() + ": the chunk kept at byte " + std::to_string(i * chunk_size) +
                                " is not the one that was read: changed or damaged since; start again with --force");
    }

private:
    ChunkListReader leaves_;
    std::filesystem::path image_;
};

} // namespace

SourceMark SourceMark::of(const SourceInfo& info, const std::optional<Digest>& partition_table) {
    return {info.kind,
            info.size,
            info.logical_sector,
            identity(info, "model"),
            identity(info, "serial"),
            partition_table ? to_hex(*partition_table) : ""};
}

LogFields describe_start(const AcquireOptions& options, const SourceMark& mark, const Output& output) {
    return {{"source", options.source},
            {"source_kind", mark.kind},
            {"source_size", mark.size ? std::to_string(*mark.size) : std::string()},
            {"logical_sector", std::to_string(mark.logical_sector)},
            {"model", mark.model},
            {"serial", mark.serial},
            {"partition_table_sha256", mark.partition_table},
            {"format", std::string(output.format.name)},
            {"split", split_text(options)},
            {"hash", digest_names(options)},
            {"chunk_size", chunk_size},
            {"arguments", options.arguments}};
}

Kept read_kept(const Output& output, const AcquireOptions& options, const SourceMark& mark) {
    const std::string partial = partial_path(output.paths.image).string();
    std::error_code missing;
    const uint64_t leaves = std::filesystem::file_size(output.paths.chunks, missing) / sizeof(Digest);
    if (missing || !std::filesystem::exists(output.paths.log))
        throw Error(ExitCode::usage,
                    partial + ": cannot be resumed: its chunk list or log is missing; start again with --force");

    const LogCheck log = check_log(output.paths.log, {"start", "unreadable", "resumed"});
    if (log.broken_at && !log.torn)
        throw Error(ExitCode::altered, output.paths.log.string() + ": line " + std::to_string(*log.broken_at) + ": " +
                                           log.why + "; start again with --force");
    if (log.lines.empty() || log.lines.front().event != "start")
        throw Error(ExitCode::usage,
                    partial + ": cannot be resumed: its log does not say what was begun; start again with --force");
    compare_start(log.lines.front(), output, options, mark);

    Kept kept;
    kept.started = log_string(log.lines.front(), "time").value_or("");
    kept.upto = leaves * chunk_size;
    if (mark.size) kept.upto = std::min(kept.upto, *mark.size);
    for (const LogLine& line : log.lines) {
        if (line.event == "unreadable")
            kept.bad.push_back({{log_uint(line, "offset").value_or(0), log_uint(line, "size").value_or(0)},
                                static_cast<int>(log_uint(line, "errno").value_or(0))});
        if (line.event == "resumed") { // from there on the source was read again, and told again what is unreadable
            kept.resumed_at.push_back(log_uint(line, "at").value_or(0));
            std::erase_if(kept.bad, [&](const Bad& bad) { return bad.range.offset >= kept.resumed_at.back(); });
        }
    }
    // What the file can still be followed to; after a power loss that may be less than the list says.
    const auto content = output.format.salvage(partial, kept.upto);
    if (*content->info().size < kept.upto) kept.upto = *content->info().size / chunk_size * chunk_size;
    return kept;
}

void replay_kept(const Output& output, uint64_t upto, Pipeline& pipeline, std::stop_token stop) {
    const auto content = output.format.salvage(partial_path(output.paths.image), upto);
    CompareWithLeaves compare(output);
    pipeline.run(*content, upto, {}, &compare, nullptr, stop);
}

void compare_last_kept(BlockSource& source, const Output& output, const Kept& kept, std::stop_token stop) {
    ChunkListReader leaves(output.paths.chunks);
    AlignedBuffer buffer(chunk_size);
    const uint64_t chunks = chunks_in(kept.upto);
    for (uint64_t i = chunks - std::min(chunks, compared_chunks); i < chunks; ++i) {
        Read read;
        read.offset = i * chunk_size;
        read.into = buffer.span().first(std::min(chunk_size, kept.upto - read.offset));
        source.read(read, stop);
        const bool touched = !read.bad.empty() || std::ranges::any_of(kept.bad, [&](const Bad& bad) {
            return bad.range.offset / chunk_size == i;
        });
        if (!touched && (read.got != read.into.size() || sha256(read.into) != leaves[i]))
            throw Error(ExitCode::refused, source.info().uri + ": no longer holds what was kept at byte " +
                                               std::to_string(read.offset) +
                                               ": another source, or it has changed; start again with --force");
    }
}

} // namespace kanshiki
