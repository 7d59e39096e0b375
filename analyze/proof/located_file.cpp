#include "analyze/proof/located_file.h"

#include "analyze/filesystem/find_path.h"
#include "kanshiki/error.h"
#include "kanshiki/volume.h"

#include <algorithm>

namespace kanshiki {
namespace {

constexpr size_t piece = 256 * 1024;

struct Place {
    Volume volume;
    std::unique_ptr<FileSystem> files;
    uint64_t inode = 0;
};

Place find_place(BlockSource& source, const std::string& wanted, const std::string& path, std::stop_token stop) {
    std::vector<Place> found;
    const VolumeTable table = read_volumes(source, stop);
    const Volume* const only = wanted.empty() ? nullptr : &find_volume(table, wanted);
    for (const Volume& volume : table.volumes) {
        if (!volume.allocated || (only != nullptr && &volume != only)) continue;
        auto files = open_volume(source, volume, stop);
        if (!files) continue;
        if (const auto inode = find_path(*files, path)) found.push_back({volume, std::move(files), *inode});
    }
    if (found.empty()) {
        const bool locked = std::ranges::any_of(
            table.volumes, [](const Volume& each) { return each.holds.starts_with("LUKS") && !each.opened; });
        throw Error(ExitCode::usage,
                    path + ": no such file in " + (only != nullptr ? "volume " + wanted : "any volume") +
                        " that can be read; kanshiki triage lists them" +
                        (locked ? "; of what is in an encrypted volume nothing can be proven but ranges of the image, "
                                  "since the image has its ciphertext alone"
                                : ""));
    }
    if (found.size() > 1)
        throw Error(ExitCode::usage, path + ": in the volumes " + std::to_string(found[0].volume.number) + " and " +
                                         std::to_string(found[1].volume.number) + "; choose one with --volume");
    return std::move(found.front());
}

// A logical volume may keep an extent in several pieces.
void add_extent(const Volume& volume, uint64_t logical, Range range, ProvenFile& out) {
    uint64_t end = range.offset;
    for (const auto& part : locate(volume, range)) {
        if (part.offset != end) break;
        out.extents.push_back({logical + (part.offset - range.offset), part.range});
        end += part.range.size;
    }
    if (end != range.end())
        throw Error(ExitCode::never_valid, out.path + ": its bytes from " +
                                               std::to_string(logical + (end - range.offset)) +
                                               " on are on a physical volume that is not in the image");
}

Digest as_digest(Hasher& hasher) {
    const std::vector<std::byte> bytes = hasher.finish();
    Digest out;
    std::copy_n(bytes.begin(), out.size(), out.begin());
    return out;
}

} // namespace

ProvenFile locate_file(BlockSource& source, const std::string& volume, const std::string& path,
                       const std::function<void(std::span<const std::byte>)>& content, std::stop_token stop) {
    const Place place = find_place(source, volume, path, stop);
    const FileInfo info = place.files->stat(place.inode);
    if (info.type != FileType::regular)
        throw Error(ExitCode::usage, path + ": not a regular file; prove its range of the image instead");
    ProvenFile out;
    out.volume = place.volume.number;
    out.path = path;
    out.inode = info.inode;
    out.size = info.size;
    for (const auto& extent : place.files->extents(place.inode)) {
        if (extent.sparse || extent.logical >= info.size) continue;
        // Of compressed content no more than it is long, so that no extent reaches into the next.
        const uint64_t most = std::min(extent.length(), info.size - extent.logical);
        add_extent(place.volume, extent.logical, {extent.range.offset, std::min(extent.range.size, most)}, out);
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
