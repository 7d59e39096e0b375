#pragma once
// Frame by frame through a .img.zst that has no seek table (yet), or a damaged one.

#include "acquire/evidence/zst_table.h"

#include <filesystem>
#include <functional>

namespace kanshiki {

// Calls `frame` with each data frame and its stored bytes, from the start, as long as frames are whole and say their
// content size (at most largest_zst_frame), until it returns false. Bounded memory. Stops silently where the file can
// be followed no further: the caller knows how far it came.
void walk_zst_frames(const std::filesystem::path& file,
                     const std::function<bool(const ZstFrame&, std::span<const std::byte>)>& frame);

} // namespace kanshiki
