#include "acquire/evidence/zst_frames.h"

#include "acquire/block/file_descriptor.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#define ZSTD_STATIC_LINKING_ONLY // ZSTD_isSkippableFrame: in the library since 1.4, its API not yet declared stable
#include <zstd.h>

namespace kanshiki {
namespace {

// A window over the file that always shows at least one whole frame of the largest kind.
class Window {
public:
    explicit Window(const std::filesystem::path& file) : fd_(::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {
        if (!fd_) throw Error(ExitCode::never_valid, file.string() + ": cannot open: " + std::strerror(errno));
        bytes_.resize(ZSTD_compressBound(largest_zst_frame));
    }

    std::span<const std::byte> at(uint64_t offset, size_t enough) {
        if (offset < start_ || offset + enough > start_ + filled_) refill(offset);
        return std::span(bytes_).subspan(offset - start_, filled_ - (offset - start_));
    }
    std::span<const std::byte> all_at(uint64_t offset) { // as much as there is
        refill(offset);
        return std::span(bytes_).first(filled_);
    }

private:
    void refill(uint64_t offset) {
        start_ = offset;
        filled_ = static_cast<size_t>(std::max<ssize_t>(0, read_at(fd_.get(), offset, bytes_)));
    }
    FileDescriptor fd_;
    std::vector<std::byte> bytes_;
    uint64_t start_ = 0;
    size_t filled_ = 0;
};

} // namespace

void walk_zst_frames(const std::filesystem::path& file,
                     const std::function<bool(const ZstFrame&, std::span<const std::byte>)>& frame) {
    Window window(file);
    ZstFrame next;
    for (uint64_t count = 0; count < most_zst_frames; ++count) {
        std::span<const std::byte> here = window.at(next.offset, 1 << 20);
        size_t stored = ZSTD_findFrameCompressedSize(here.data(), here.size());
        if (ZSTD_isError(stored)) { // perhaps only cut by the window
            here = window.all_at(next.offset);
            stored = ZSTD_findFrameCompressedSize(here.data(), here.size());
            if (ZSTD_isError(stored)) return;
        }
        if (ZSTD_isSkippableFrame(here.data(), here.size())) return; // the seek table
        const unsigned long long content = ZSTD_getFrameContentSize(here.data(), here.size());
        if (content == 0 || content > largest_zst_frame) return; // the error values are the largest numbers
        next.stored = static_cast<uint32_t>(stored);
        next.content = static_cast<uint32_t>(content);
        if (!frame(next, here.first(stored))) return;
        next.offset += stored;
        next.content_offset += content;
    }
}

} // namespace kanshiki
