#include "acquire/block/zstd_frame.h"

#include <algorithm>
#define ZSTD_STATIC_LINKING_ONLY // ZSTD_getFrameHeader: in the library since 1.3, its API not yet declared stable
#include <zstd.h>

namespace kanshiki {

const char* check_chunk_frame(std::span<const std::byte> frame, size_t content) {
    // A frame of a few bytes may ask for this much without saying how much it holds (RFC 8878, 3.1.1.1.2).
    constexpr size_t least_window = 1024;
    ZSTD_frameHeader header;
    if (ZSTD_getFrameHeader(&header, frame.data(), frame.size()) != 0 || header.frameType != ZSTD_frame)
        return "it is no zstd frame";
    if (header.frameContentSize != content) return "its frame says another content size";
    if (header.windowSize > std::max(content, least_window)) return "its frame wants a larger window than its content";
    if (header.dictID != 0) return "its frame wants a dictionary";
    if (header.checksumFlag != 1) return "its frame has no checksum";
    if (ZSTD_findFrameCompressedSize(frame.data(), frame.size()) != frame.size()) return "it is not just one frame";
    return nullptr;
}

} // namespace kanshiki
