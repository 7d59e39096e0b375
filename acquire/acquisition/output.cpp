#include "acquire/acquisition/output.h"

#include "kanshiki/checksum_list.h"
#include "kanshiki/error.h"
#include "kanshiki/mapfile.h"
#include "kanshiki/pipeline.h"

#include <cerrno>
#include <cstring>
#include <sys/stat.h>

namespace kanshiki {
namespace {

namespace fs = std::filesystem;

const EvidenceFormat& format_of(const fs::path& image) {
    const EvidenceFormat* format = find_evidence_format(image);
    if (format && format->create) return *format;
    if (format)
        throw Error(ExitCode::usage, image.string() +
                                         ": images of this kind are only read; the name of one that is "
                                         "written must end in one of " +
                                         evidence_extensions());
    throw Error(ExitCode::usage, image.string() + ": the name must end in one of " + evidence_extensions());
}

ManifestFile bound_file(const std::string& role, const fs::path& path, const std::optional<Digest>& sha256,
                        uint64_t size) {
    return {role, path.filename().string(), size, sha256};
}

void make_read_only(const fs::path& path) {
    if (::chmod(path.c_str(), 0400) != 0)
        throw Error(ExitCode::destination, path.string() + ": cannot make read-only: " + std::strerror(errno));
}

} // namespace

Output::Output(const fs::path& image) : format(format_of(image)), paths(Companions::of(image)) {}

bool Output::finished() const { return fs::exists(fs::symlink_status(paths.image)); }
bool Output::orphaned() const { return fs::exists(fs::symlink_status(paths.manifest)) && !finished() && !unfinished(); }
bool Output::unfinished() const { return fs::exists(fs::symlink_status(partial_path(paths.image))); }

void Output::prepare_folder() const {
    const fs::path folder = paths.image.parent_path();
    std::error_code error;
    if (folder.empty() || fs::is_directory(folder, error)) return;
    if (!fs::create_directories(folder, error) || ::chmod(folder.c_str(), 0700) != 0)
        throw Error(ExitCode::destination, folder.string() + ": cannot make this folder: " + error.message());
}

void Output::remove_all() const {
    std::vector<fs::path> all = image_files(paths.image);
    for (const fs::path& partial : partial_files(paths.image)) all.push_back(partial);
    all.insert(all.end(),
               {paths.manifest, paths.chunks, paths.map, paths.log, paths.sha256, paths.custody, paths.custody_head});
    for (const fs::path& sealed : {paths.manifest, paths.custody_head}) {
        const SealPaths seal = SealPaths::of(sealed);
        all.insert(all.end(), {seal.signature, seal.key, seal.timestamp, seal.chain});
    }
    for (const fs::path& path : all) {
        std::error_code error;
        fs::remove(path, error);
        if (error) throw Error(ExitCode::destination, path.string() + ": cannot remove: " + error.message());
    }
}

void Output::create(const SinkOptions& options, std::optional<uint64_t> size, const LogFields& start) {
    log = AuditLog::create(paths.log);
    cut_to(0, size);
    log->append("start", start);
    log->sync();
    sink = format.create(paths.image, options); // last: where there is a partial image, it can be resumed
}

void Output::cut_to(uint64_t from, std::optional<uint64_t> size) {
    chunks = std::make_unique<ChunkListWriter>(paths.chunks, chunks_in(from));
    chunks->reserve(chunks_in(size.value_or(0)));
}

void Output::go_on(uint64_t from, const SinkOptions& options) {
    log = AuditLog::reopen(paths.log);
    log->append("resumed", {{"at", from}});
    sink = format.resume(paths.image, from, options);
}

void Output::publish(Manifest& manifest, std::span<const Bad> bad, const Sealer& sealer) {
    log->sync();
    manifest.log_head = log->head();
    manifest.log_entries = log->entries();
    log.reset();
    chunks.reset();
    write_file_durably(paths.map, render_mapfile(manifest.size, manifest.size, bad,
                                                 "kanshiki " + manifest.tool.version + ": " + manifest.source_uri));
    make_read_only(paths.chunks);
    make_read_only(paths.log);

    std::optional<Digest> whole;
    if (const auto found = manifest.digests.find("sha256"); found != manifest.digests.end())
        whole = digest_from_hex(found->second);
    manifest.image_format = sink->format();
    manifest.files.clear();
    for (const EvidenceFile& file : sink->files(whole))
        manifest.files.push_back(bound_file("image", file.path, file.sha256, file.size));
    for (const auto& [role, path] : {std::pair{"chunks", paths.chunks}, {"map", paths.map}, {"log", paths.log}})
        manifest.files.push_back(bound_file(role, path, sha256_of_file(path), fs::file_size(path)));
    write_file_durably(paths.manifest, render_manifest(manifest));
    std::vector<ManifestFile> listed = manifest.files;
    listed.push_back(
        bound_file("manifest", paths.manifest, sha256_of_file(paths.manifest), fs::file_size(paths.manifest)));
    write_file_durably(paths.sha256, render_checksum_list(listed));
    if (sealer.signs()) sealer.sign(paths.manifest);
    sink->publish();
}

void set_unreadable(Manifest& manifest, const std::vector<Bad>& bad) {
    manifest.unreadable = bad;
    for (const Bad& one : bad) {
        manifest.unreadable_bytes += one.range.size;
        for (uint64_t chunk = one.range.offset / chunk_size; chunk <= (one.range.end() - 1) / chunk_size; ++chunk)
            if (manifest.chunks_touched.empty() || manifest.chunks_touched.back() < chunk)
                manifest.chunks_touched.push_back(chunk);
    }
}

} // namespace kanshiki
