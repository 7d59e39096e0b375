#pragma once
// Seekable zstd (zstd's contrib/seekable_format, version 0.1.0): independent frames, then a seek table in a skippable
// frame, so that any `zstd -d` restores the image. docs/formats/zst.md gives the bytes.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace kanshiki {

struct ZstFrame {
    uint64_t offset = 0;         // in the file
    uint32_t stored = 0;         // bytes in the file
    uint64_t content_offset = 0; // in the image
    uint32_t content = 0;        // bytes in the image
};

inline constexpr uint32_t largest_zst_frame = 16 * 1024 * 1024; // content; ours have 512 KiB
inline constexpr uint64_t most_zst_frames = 0x8000000;

std::vector<std::byte> render_seek_table(std::span<const ZstFrame> frames);

// Bytes of the whole seek table frame, from the last 9 bytes of the file; 0 if they are no footer.
uint64_t seek_table_size(std::span<const std::byte> footer);

// Every length is checked against the file: frames must fill it exactly up to the table. Error{never_valid} with
// `name`.
std::vector<ZstFrame> parse_seek_table(std::span<const std::byte> table, uint64_t file_size, const std::string& name);

} // namespace kanshiki
