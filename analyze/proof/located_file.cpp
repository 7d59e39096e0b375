#include "analyze/proof/located_file.h"

#include "analyze/filesystem/find_path.h"
#include "kanshiki/error.h"
#include "kanshiki/volume.h"

#include <algorithm>

namespace kanshiki {
namespace {

constexpr size_t piece = 256 * 1024;

struct Place {
    unsigned volume = 0;
    std::unique_ptr<FileSystem> files;
    uint64_t inode = 0;
};

Place find_place(BlockSource& source, std::optional<unsigned> wanted, const std::string& path, std::stop_token stop) {
    std::vector<Place> found;
    for (const Volume& volume : read_volumes(source, stop).volumes) {
        if (!volume.allocated || (wanted && volume.number != *wanted)) continue;
        auto files = open_volume(source, volume, stop);
        if (!files) continue;
        if (const auto inode = find_path(*files, path)) found.push_back({volume.number, std::move(files), *inode});
    }
    if (found.empty())
        throw Error(ExitCode::usage, path + ": no such file in " +
                                         (wanted ? "volume " + std::to_string(*wanted) : "any volume") +
                                         " that can be read; kanshiki triage lists them");
    if (found.size() > 1)
        throw Error(ExitCode::usage, path + ": in the volumes " + std::to_string(found[0].volume) + " and " +
                                         std::to_string(found[1].volume) + "; choose one with --volume");
    return std::move(found.front());
}

Digest as_digest(Hasher& hasher) {
    const std::vector<std::byte> bytes = hasher.finish();
    Digest out;
    std::copy_n(bytes.begin(), out.size(), out.begin());
    return out;
}

} // namespace

ProvenFile locate_file(BlockSource& source, std::optional<unsigned> volume, const std::string& path,
                       const std::function<void(std::span<const std::byte>)>& content, std::stop_token stop) {
    const Place place = find_place(source, volume, path, stop);
    const FileInfo info = place.files->stat(place.inode);
    if (info.type != FileType::regular)
        throw Error(ExitCode::usage, path + ": not a regular file; prove its range of the image instead");
    ProvenFile out;
    out.volume = place.volume;
    out.path = path;
    out.inode = info.inode;
    out.size = info.size;
    for (const auto& extent : place.files->extents(place.inode)) {
        if (extent.sparse || extent.logical >= info.size) continue;
        // Of compressed content no more than it is long, so that no extent reaches into the next.
        const uint64_t most = std::min(extent.length(), info.size - extent.logical);
        out.extents.push_back({extent.logical, {extent.range.offset, std::min(extent.range.size, most)}});
    }
    const auto hasher = make_hasher(DigestAlgorithm::sha256);
    std::vector<std::byte> buffer(piece);
    for (uint64_t at = 0; at < info.size;) {
        if (stop.stop_requested()) throw Error(ExitCode::interrupted, "interrupted; nothing was written");
        const size_t got = place.files->read(place.inode, at, buffer);
        if (got == 0) throw Error(ExitCode::never_valid, path + ": ends at byte " + std::to_string(at));
        const auto part = std::span<const std::byte>(buffer).first(got);
        hasher->update(part);
        if (content) content(part);
        at += got;
    }
    out.sha256 = as_digest(*hasher);
    return out;
}

Digest digest_of_extents(const ProvenFile& file, const ReadImage& read,
                         const std::function<void(std::span<const std::byte>)>& content) {
    const auto hasher = make_hasher(DigestAlgorithm::sha256);
    std::vector<std::byte> buffer(piece);
    const auto add = [&](uint64_t size, const std::function<void(uint64_t done, std::span<std::byte>)>& fill) {
        for (uint64_t done = 0; done < size;) {
            const auto part = std::span(buffer).first(std::min<uint64_t>(piece, size - done));
            fill(done, part);
            hasher->update(part);
            if (content) content(part);
            done += part.size();
        }
    };
    const auto zeros = [](uint64_t, std::span<std::byte> part) { std::fill(part.begin(), part.end(), std::byte{0}); };
    uint64_t at = 0;
    for (const auto& extent : file.extents) {
        add(extent.logical - at, zeros);
        add(extent.range.size,
            [&](uint64_t done, std::span<std::byte> part) { read(extent.range.offset + done, part); });
        at = extent.logical + extent.range.size;
    }
    add(file.size - std::min(file.size, at), zeros);
    return as_digest(*hasher);
}

} // namespace kanshiki
