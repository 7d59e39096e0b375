#include "analyze/proof/check.h"

#include "acquire/custody/files.h"
#include "acquire/custody/timestamp.h"
#include "analyze/proof/chunk_sources.h"
#include "analyze/proof/located_file.h"
#include "kanshiki/error.h"
#include "kanshiki/merkle.h"
#include "kanshiki/pipeline.h"
#include "kanshiki/signature.h"

#include <algorithm>
#include <ostream>

namespace kanshiki {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

// The file of the chunks; its size is checked once, its content as it is read.
class ChunkData {
public:
    explicit ChunkData(std::filesystem::path path) : path_(std::move(path)) {
        if (!present(path_))
            throw Error(ExitCode::usage,
                        name() + ": is missing: it must lie beside the proof, or be given with --data");
        file_ = open_to_read(path_, ExitCode::usage);
        size_ = regular_size(file_.get(), path_, ExitCode::usage);
    }
    uint64_t size() const { return size_; }
    std::string name() const { return path_.string(); }
    void read(uint64_t offset, std::span<std::byte> into) const {
        if (read_upto(file_.get(), path_, into, offset, ExitCode::altered) != into.size())
            throw Error(ExitCode::altered, name() + ": ends before byte " + std::to_string(offset + into.size()));
    }

private:
    std::filesystem::path path_;
    FileDescriptor file_;
    uint64_t size_ = 0;
};

// The ranges, one after the other.
ProvenFile ranges_as_file(const Proof& proof) {
    ProvenFile out;
    for (const Range& range : proof.ranges) {
        out.extents.push_back({out.size, range});
        out.size += range.size;
    }
    return out;
}

std::filesystem::path data_beside(const CheckOptions& options, const Proof& proof) {
    return options.data.empty() ? options.proof.parent_path() / proof.data : options.data;
}

} // namespace

struct ProofChecker::State {
    CheckOptions options;
    std::vector<PublicKey> keys;
    std::optional<ChunkData> data;
    CheckResult result;

    const Proof& proof() const { return result.proof; }
    void damage(std::string what) { result.damage.push_back(std::move(what)); }
    void read_image(uint64_t offset, std::span<std::byte> into, std::stop_token stop);
    void check_chunks(std::stop_token stop);
    void check_root();
    void check_manifest();
    bool check_signature();
    void check_content(std::stop_token stop);
    void replay(std::stop_token stop);
};

ProofChecker::ProofChecker(const CheckOptions& options) : state_(std::make_unique<State>()) {
    state_->options = options;
    for (const auto& file : options.trusted_keys) state_->keys.push_back(PublicKey::load(file, ExitCode::usage));
    std::error_code ignored;
    if (!std::filesystem::exists(options.proof, ignored))
        throw Error(ExitCode::usage, options.proof.string() + ": no such file");
    state_->result.proof =
        parse_proof(read_file(options.proof, largest_proof, ExitCode::never_valid), options.proof.string());
    state_->data.emplace(data_beside(options, state_->proof()));
}

ProofChecker::~ProofChecker() = default;

void ProofChecker::State::read_image(uint64_t offset, std::span<std::byte> into, std::stop_token stop) {
    ProvenSource source(proof(), [this](uint64_t at, std::span<std::byte> part) { data->read(at, part); });
    Read read{.offset = offset, .into = into};
    source.read(read, stop);
}

void ProofChecker::State::check_chunks(std::stop_token stop) {
    if (data->size() != data_size(proof()))
        return damage(data->name() + ": has " + std::to_string(data->size()) + " bytes, its chunks have " +
                      std::to_string(data_size(proof())));
    std::vector<std::byte> buffer(chunk_size);
    uint64_t at = 0;
    for (const ProofChunk& chunk : proof().chunks) {
        if (stop.stop_requested()) throw Error(ExitCode::interrupted, "interrupted");
        const auto bytes = std::span(buffer).first(range_of_chunk(proof(), chunk.index).size);
        data->read(at, bytes);
        at += bytes.size();
        if (sha256(bytes) != chunk.sha256)
            damage(data->name() + ": chunk " + std::to_string(chunk.index) + " of the image (bytes " +
                   std::to_string(at - bytes.size()) + " to " + std::to_string(at - 1) +
                   " here) differs from its digest");
    }
    if (result.damage.empty())
        result.checked.push_back(std::to_string(proof().chunks.size()) + " chunks against their digests");
}

void ProofChecker::State::check_root() {
    std::vector<ProvenEntry> entries;
    for (const ProofChunk& chunk : proof().chunks) entries.push_back({chunk.index, chunk.sha256});
    if (merkle_root(chunks_in(proof().size), entries, proof().siblings) != proof().root)
        return damage("the chunks' digests and the siblings do not give the root");
    result.checked.push_back("the digests against the root");
    if (!options.expect_root) return;
    if (*options.expect_root != proof().root)
        damage("the root is not the one expected");
    else
        result.checked.push_back("the root is the one expected");
}

void ProofChecker::State::check_manifest() {
    if (!proof().manifest) return result.not_checked.push_back({"the manifest", "it is not in the proof"});
    try {
        result.manifest = parse_manifest(*proof().manifest, "the manifest in the proof");
    } catch (const Error& error) {
        return damage(error.what());
    }
    if (result.manifest->root != proof().root || result.manifest->size != proof().size)
        return damage("the manifest in the proof is of another image: its root or size differs");
    result.checked.push_back("the root against the manifest");
    for (const Bad& bad : result.manifest->unreadable)
        for (const Range& range : proof().ranges) {
            const uint64_t from = std::max(bad.range.offset, range.offset), to = std::min(bad.range.end(), range.end());
            if (from < to) result.unreadable.push_back({{from, to - from}, bad.error});
        }
    if (result.manifest->unreadable_ranges > result.manifest->unreadable.size())
        result.not_checked.push_back({"which of the bytes were unreadable at the source",
                                      "the manifest lists only the first of its unreadable ranges"});
}

// True: a trusted key signed the manifest.
bool ProofChecker::State::check_signature() {
    if (!proof().manifest || !proof().signature) {
        if (!keys.empty()) damage("there is no signature in the proof");
        return false;
    }
    if (proof().timestamp) {
        try {
            const Timestamp token =
                read_timestamp(bytes_of(*proof().timestamp), sha256(bytes_of(*proof().signature)), {});
            result.checked.push_back("time-stamp of the signature: " + token.time);
            result.not_checked.push_back({"whether the authority of the time-stamp, " + token.authority + ", is real",
                                          "kanshiki verify --trust-cert does that, beside the image"});
        } catch (const Error& error) {
            damage(error.what());
        }
    }
    for (const PublicKey& key : keys) {
        if (!key.verify(bytes_of(*proof().manifest), bytes_of(*proof().signature))) continue;
        result.checked.push_back("the manifest's signature by the trusted " + key.algorithm() + " key " +
                                 key.fingerprint());
        return true;
    }
    if (keys.empty())
        result.not_checked.push_back({"the manifest's signature", "no key was given (--trust-key)"});
    else
        damage("the manifest's signature is not by a trusted key");
    return false;
}

void ProofChecker::State::check_content(std::stop_token stop) {
    const ReadImage read = [&](uint64_t offset, std::span<std::byte> into) { read_image(offset, into, stop); };
    if (!proof().file) {
        if (digest_of_extents(ranges_as_file(proof()), read) != proof().sha256)
            return damage("the ranges do not have the digest told");
        return result.checked.push_back("the ranges against their digest");
    }
    const ProvenFile& file = *proof().file;
    if (file.content_in_extents) {
        if (digest_of_extents(file, read) != file.sha256)
            return damage("the file's extents do not give the digest told of it");
        result.checked.push_back("the file's extents against its digest");
    }
    if (file.asserted.empty())
        replay(stop);
    else if (!file.content_in_extents)
        damage("nothing in the proof shows the file's content");
    else
        result.not_checked.push_back({"that these extents are the file's: asserted only", file.asserted});
}

// The reader looks the file up again, with no more of the image than the proof has.
void ProofChecker::State::replay(std::stop_token stop) {
    const ProvenFile& told = *proof().file;
    ProvenSource source(proof(), [this](uint64_t at, std::span<std::byte> part) { data->read(at, part); });
    try {
        const ProvenFile seen = locate_file(source, std::to_string(told.volume), told.path, {}, stop);
        const auto same = [](const ProvenFile::Extent& a, const ProvenFile::Extent& b) {
            return a.logical == b.logical && a.range == b.range;
        };
        if (seen.inode != told.inode || seen.size != told.size || seen.sha256 != told.sha256 ||
            !std::ranges::equal(seen.extents, told.extents, same))
            return damage("the file system in the proven chunks says otherwise of the file");
        result.checked.push_back("the file system in the proven chunks gives this path this content");
    } catch (const Error& error) {
        if (error.code() == ExitCode::interrupted) throw;
        if (error.code() == ExitCode::usage) return damage("the file system in the proven chunks has no such file");
        if (!told.content_in_extents) return damage(std::string("nothing shows the file's content: ") + error.what());
        result.not_checked.push_back({"that these extents are the file's", error.what()});
    }
}

CheckResult ProofChecker::run(std::stop_token stop) {
    State& state = *state_;
    CheckResult& result = state.result;
    state.check_chunks(stop);
    state.check_root();
    state.check_manifest();
    const bool signed_by_trusted = state.check_signature();
    if (result.damage.empty()) state.check_content(stop);
    const bool trusted = signed_by_trusted || state.options.expect_root;
    result.verdict = !result.damage.empty() ? Verdict::altered
                     : trusted              ? Verdict::authentic
                                            : Verdict::consistent_only;
    return result;
}

void ProofChecker::extract(std::ostream& out, std::stop_token stop) {
    State& state = *state_;
    const Proof& proof = state.proof();
    const auto write = [&](std::span<const std::byte> part) {
        out.write(reinterpret_cast<const char*>(part.data()), static_cast<std::streamsize>(part.size()));
    };
    const ReadImage read = [&](uint64_t offset, std::span<std::byte> into) { state.read_image(offset, into, stop); };
    if (!proof.file || proof.file->content_in_extents) {
        digest_of_extents(proof.file ? *proof.file : ranges_as_file(proof), read, write);
    } else {
        ProvenSource source(proof, [&](uint64_t at, std::span<std::byte> part) { state.data->read(at, part); });
        locate_file(source, std::to_string(proof.file->volume), proof.file->path, write, stop);
    }
    if (!out.flush()) throw Error(ExitCode::destination, "the extracted bytes could not be written");
}

} // namespace kanshiki
