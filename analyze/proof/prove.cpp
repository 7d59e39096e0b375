#include "analyze/proof/prove.h"

#include "acquire/custody/files.h"
#include "analyze/proof/chunk_sources.h"
#include "analyze/proof/located_file.h"
#include "kanshiki/chunk_list.h"
#include "kanshiki/error.h"
#include "kanshiki/manifest.h"
#include "kanshiki/merkle.h"
#include "kanshiki/open_source.h"
#include "kanshiki/pipeline.h"
#include "kanshiki/signature.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <unistd.h>

namespace kanshiki {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t largest_manifest = 64 << 20, largest_seal = 1 << 20;

std::optional<std::string> beside(const fs::path& file, uint64_t limit) {
    std::error_code ignored;
    if (!fs::is_regular_file(file, ignored)) return {};
    return read_file(file, limit, ExitCode::altered);
}

// The data file, under a name of its own until it is complete.
class DataFile {
public:
    explicit DataFile(fs::path path)
        : path_(std::move(path)), partial_(path_.string() + ".partial"), file_(create_anew(partial_)) {}
    ~DataFile() {
        if (!published_) ::unlink(partial_.c_str());
    }
    DataFile(const DataFile&) = delete;
    DataFile& operator=(const DataFile&) = delete;
    void write(std::span<const std::byte> bytes) {
        write_all(file_.get(), partial_, bytes, size_);
        size_ += bytes.size();
    }
    void publish() {
        seal_file(partial_);
        if (::rename(partial_.c_str(), path_.c_str()) != 0)
            throw_errno(ExitCode::destination, "rename", partial_, errno);
        sync_folder_of(path_);
        published_ = true;
    }

private:
    fs::path path_, partial_;
    FileDescriptor file_;
    uint64_t size_ = 0;
    bool published_ = false;
};

// Where in the image the file lies: its extents, in the image's order.
std::vector<Range> ranges_of(const ProvenFile& file) {
    std::vector<Range> out;
    for (const auto& extent : file.extents) out.push_back(extent.range);
    std::ranges::sort(out, {}, &Range::offset);
    std::vector<Range> merged;
    for (const Range& range : out) {
        if (!merged.empty() && range.offset <= merged.back().end())
            merged.back().size = std::max(merged.back().end(), range.end()) - merged.back().offset;
        else
            merged.push_back(range);
    }
    return merged;
}

std::set<uint64_t> chunks_of(const std::vector<Range>& ranges) {
    std::set<uint64_t> out;
    for (const Range& range : ranges)
        for (uint64_t index = range.offset / chunk_size; index <= (range.end() - 1) / chunk_size; ++index)
            out.insert(index);
    return out;
}

uint64_t parse_size(const std::string& part, const std::string& whole) {
    const bool hex = part.starts_with("0x");
    uint64_t value = 0;
    const char *from = part.data() + (hex ? 2 : 0), *const to = part.data() + part.size();
    const auto [end, error] = std::from_chars(from, to, value, hex ? 16 : 10);
    const std::string_view unit(end, static_cast<size_t>(to - end));
    constexpr std::pair<std::string_view, unsigned> units[] = {
        {"", 0}, {"K", 10}, {"KiB", 10}, {"M", 20}, {"MiB", 20}, {"G", 30}, {"GiB", 30}, {"T", 40}, {"TiB", 40}};
    for (const auto& [name, shift] : units)
        if (error == std::errc{} && unit == name && value <= ~uint64_t{0} >> shift) return value << shift;
    throw Error(ExitCode::usage,
                whole + ": neither a path (/etc/passwd) nor a range (OFFSET+SIZE: 1048576+4096, 1M+64K)");
}

} // namespace

Range parse_range(const std::string& text) {
    const size_t plus = text.find('+');
    if (plus == text.npos) parse_size("", text);
    const Range range{parse_size(text.substr(0, plus), text), parse_size(text.substr(plus + 1), text)};
    if (range.size == 0 || range.offset > ~uint64_t{0} - range.size)
        throw Error(ExitCode::usage, text + ": an empty range, or one beyond all images");
    return range;
}

struct Prover::State {
    ProveOptions options;
    fs::path data;
    std::unique_ptr<BlockSource> image;
    std::optional<ChunkListReader> leaves;
    Manifest manifest;
    Proof proof;

    void read_into(uint64_t offset, std::span<std::byte> into) {
        Read read{.offset = offset, .into = into};
        image->read(read, {});
        if (read.got != into.size())
            throw Error(ExitCode::altered, options.image.string() + ": ends before byte " + std::to_string(offset));
    }
    std::set<uint64_t> locate(ProveResult& result, std::stop_token stop);
    void digest_range();
    void keep_chunks(const std::set<uint64_t>& chunks, DataFile& out, Events& events, std::stop_token stop);
    void bind();
};

Prover::Prover(const ProveOptions& options) : state_(std::make_unique<State>()) {
    State& state = *state_;
    state.options = options;
    state.data = options.output;
    state.data.replace_extension(".data");
    if (state.data == options.output) state.data += ".data";
    std::error_code ignored;
    for (const fs::path& path : {options.output, state.data})
        if (!options.force && present(path))
            throw Error(ExitCode::usage, path.string() + ": exists; it is not overwritten without --force");
    const Companions files = Companions::of(options.image);
    if (!fs::exists(options.image, ignored)) throw Error(ExitCode::usage, options.image.string() + ": no such image");
    if (!fs::exists(files.manifest, ignored) || !fs::exists(files.chunks, ignored))
        throw Error(ExitCode::never_valid, options.image.string() +
                                               ": has no manifest or no chunk list beside it, so there is no root to "
                                               "prove against; kanshiki convert makes an image that has");
    Proof& proof = state.proof;
    proof.tool = this_tool({}).version;
    proof.manifest = read_file(files.manifest, largest_manifest, ExitCode::altered);
    const SealPaths seal = SealPaths::of(files.manifest);
    proof.signature = beside(seal.signature, largest_seal);
    if (proof.signature) proof.timestamp = beside(seal.timestamp, largest_seal);
    state.leaves.emplace(files.chunks);
    struct NoEvents final : Events {
        void report(const Event&) override {}
        void progress(const Progress&) override {}
    } events;
    state.image = open_image_or_source(options.image.string(), {}, events);
}

Prover::~Prover() = default;

// The chunks that the proof needs, and what it is about.
std::set<uint64_t> Prover::State::locate(ProveResult& result, std::stop_token stop) {
    if (!options.subject.starts_with('/')) {
        const Range range = parse_range(options.subject);
        if (range.end() > proof.size)
            throw Error(ExitCode::usage, options.subject + ": beyond the end of the image, which has " +
                                             std::to_string(proof.size) + " bytes");
        proof.ranges = {range};
        digest_range();
        return chunks_of(proof.ranges);
    }
    RecordingSource recorder(*image);
    ProvenFile file = locate_file(recorder, options.volume, options.subject, {}, stop);
    const ReadImage read = [this](uint64_t offset, std::span<std::byte> into) { read_into(offset, into); };
    file.content_in_extents = digest_of_extents(file, read) == file.sha256;
    proof.ranges = ranges_of(file);
    std::set<uint64_t> chunks = chunks_of(proof.ranges);
    std::set<uint64_t> metadata;
    std::ranges::set_difference(recorder.touched(), chunks, std::inserter(metadata, metadata.end()));
    if (metadata.size() <= options.metadata_limit) {
        chunks.merge(metadata);
        result.metadata_chunks = chunks.size() - chunks_of(proof.ranges).size();
    } else if (!file.content_in_extents) {
        throw Error(ExitCode::usage, options.subject + ": only the metadata has its content, and that lies in " +
                                         std::to_string(metadata.size()) +
                                         " chunks; allow so many with --metadata-limit");
    } else {
        file.asserted = "the metadata that gives the file its extents lies in " + std::to_string(metadata.size()) +
                        " more chunks, over the limit of " + std::to_string(options.metadata_limit);
    }
    if (file.size > chunks.size() * chunk_size + most_holes)
        throw Error(ExitCode::usage, options.subject + ": has too many holes for a proof; prove ranges of the image");
    proof.file = std::move(file);
    return chunks;
}

void Prover::State::digest_range() {
    const auto hasher = make_hasher(DigestAlgorithm::sha256);
    std::vector<std::byte> buffer(chunk_size);
    const Range range = proof.ranges.front();
    for (uint64_t done = 0; done < range.size;) {
        const auto part = std::span(buffer).first(std::min<uint64_t>(chunk_size, range.size - done));
        read_into(range.offset + done, part);
        hasher->update(part);
        done += part.size();
    }
    const auto bytes = hasher->finish();
    std::copy_n(bytes.begin(), 32, proof.sha256.emplace().begin());
}

// Each chunk against its leaf on its way into the data file.
void Prover::State::keep_chunks(const std::set<uint64_t>& chunks, DataFile& out, Events& events, std::stop_token stop) {
    std::vector<std::byte> buffer(chunk_size);
    for (const uint64_t index : chunks) {
        if (stop.stop_requested()) throw Error(ExitCode::interrupted, "interrupted; nothing was written");
        const Range range = range_of_chunk(proof, index);
        const auto bytes = std::span(buffer).first(range.size);
        read_into(range.offset, bytes);
        const Digest digest = sha256(bytes);
        if (digest != (*leaves)[index])
            throw Error(ExitCode::altered, options.image.string() + ": chunk " + std::to_string(index) +
                                               " differs from the chunk list; kanshiki verify says more");
        proof.chunks.push_back({index, digest});
        out.write(bytes);
        events.progress({"prove", proof.chunks.size(), chunks.size(), 0, 0, "chunks"});
    }
}

void Prover::State::bind() {
    std::vector<uint64_t> indexes;
    std::vector<ProvenEntry> entries;
    for (const ProofChunk& chunk : proof.chunks) {
        indexes.push_back(chunk.index);
        entries.push_back({chunk.index, chunk.sha256});
    }
    const uint64_t count = chunks_in(proof.size);
    proof.siblings = merkle_siblings(count, indexes, [this](uint64_t index) { return (*leaves)[index]; });
    if (merkle_root(count, entries, proof.siblings) != proof.root)
        throw Error(ExitCode::altered,
                    options.image.string() +
                        ": its chunk list does not give the manifest's root; kanshiki verify says more");
}

ProveResult Prover::run(Events& events, std::stop_token stop) {
    State& state = *state_;
    Proof& proof = state.proof;
    state.manifest = parse_manifest(*proof.manifest, Companions::of(state.options.image).manifest.string());
    proof.created = utc_now();
    proof.image = state.options.image.filename().string();
    proof.size = state.manifest.size;
    proof.root = state.manifest.root;
    proof.data = state.data.filename().string();
    if (state.image->info().size != proof.size || state.leaves->size() != chunks_in(proof.size))
        throw Error(ExitCode::altered,
                    state.options.image.string() +
                        ": image, chunk list and manifest differ in size; kanshiki verify says more");
    ProveResult result;
    const std::set<uint64_t> chunks = state.locate(result, stop);
    DataFile out(state.data);
    state.keep_chunks(chunks, out, events, stop);
    state.bind();
    out.publish();
    write_file_durably(state.options.output, render_proof(proof));
    result.proof = proof;
    return result;
}

} // namespace kanshiki
