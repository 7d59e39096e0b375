#include "analyze/browse/content.h"

#include "analyze/filesystem/ends_run.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <cstring>

namespace kanshiki {
namespace {

constexpr size_t piece_size = 1024 * 1024;
constexpr uint64_t always_allowed = uint64_t{64} << 30;
constexpr uint64_t most_compressed = 16; // times a volume's size that its files may hold, compressed or sparse

// Where in the file a range of the source lies, as the extents say; of compressed and inline content the piece it is
// in.
std::vector<UnreadablePiece> locate(const FileSystem& files, const Bad& bad,
                                    const std::vector<FileSystem::FileExtent>& extents, const Range& piece) {
    std::vector<UnreadablePiece> found;
    for (const FileSystem::FileExtent& extent : extents) {
        const uint64_t from = std::max(bad.range.offset, extent.range.offset);
        const uint64_t end = std::min(bad.range.end(), extent.range.end());
        if (extent.sparse || from >= end) continue;
        const Range spoilt = extent.encoded != 0 ? Range{extent.logical, extent.encoded}
                                                 : Range{extent.logical + (from - extent.range.offset), end - from};
        if (spoilt.offset >= piece.end() || spoilt.end() <= piece.offset) continue;
        found.push_back({files.place({from, end - from}), spoilt, bad.error});
    }
    if (found.empty()) found.push_back({files.place(bad.range), piece, bad.error});
    return found;
}

// They only make the place more exact.
std::vector<FileSystem::FileExtent> extents_or_none(FileSystem& files, uint64_t handle) {
    try {
        return files.extents(handle);
    } catch (const Error& error) {
        if (error.code() != ExitCode::never_valid) throw;
        return {};
    }
}

} // namespace

ContentResult read_content(FileSystem& files, uint64_t handle, uint64_t size, ContentBuffer& buffer,
                           const std::function<void(uint64_t, std::span<const std::byte>)>& piece,
                           const std::stop_token& stop) {
    ContentResult result;
    if (buffer.size() < std::min<uint64_t>(size, piece_size)) buffer.resize(piece_size);
    std::optional<std::vector<FileSystem::FileExtent>> extents;
    files.take_unreadable(); // of what was read before
    while (result.size < size) {
        if (stop.stop_requested()) throw Error(ExitCode::interrupted, "interrupted while reading a file");
        const auto want =
            std::span(buffer).first(static_cast<size_t>(std::min<uint64_t>(size - result.size, piece_size)));
        size_t got = 0;
        try {
            got = files.read(handle, result.size, want);
        } catch (const Error& error) {
            if (ends_run(error)) throw;
            result.failure = error.what();
        }
        const auto bads = files.take_unreadable();
        if (!bads.empty()) {
            if (!extents) extents = extents_or_none(files, handle);
            for (const Bad& bad : bads)
                std::ranges::move(locate(files, bad, *extents, {result.size, want.size()}),
                                  std::back_inserter(result.unreadable));
        }
        if (!result.failure.empty()) return result;
        if (got == 0) {
            result.failure = "the content ends at byte " + std::to_string(result.size) + " of " + std::to_string(size);
            return result;
        }
        piece(result.size, std::span<const std::byte>(want).first(got));
        result.size += got;
    }
    return result;
}

std::string too_large(const FileSystem& files, uint64_t size) {
    const uint64_t volume = files.info().range.size;
    if (size <= always_allowed || size / most_compressed <= volume) return {};
    return "claims " + std::to_string(size) + " bytes on a volume of " + std::to_string(volume) + "; not read";
}

std::string where_text(const UnreadablePiece& piece) {
    return "bytes " + std::to_string(piece.of_file.offset) + " to " + std::to_string(piece.of_file.end() - 1) + " (" +
           piece.place + ")";
}

std::string why_text(const UnreadablePiece& piece) {
    return std::string("unreadable (") + std::strerror(piece.error) + "): zeros in their place";
}

} // namespace kanshiki
