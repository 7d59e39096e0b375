#pragma once
// Images in several files: NAME.E01 … E99 EAA … ZZZ, and NAME.001 002 … The first gives the image its name.

#include <cstdint>
#include <filesystem>

namespace kanshiki {

bool is_segmented(const std::filesystem::path& image); // by extension: .E01 .e01 .001 .000
uint32_t most_segments(const std::filesystem::path& image);

// number: from 1. The letters' case is the first segment's.
std::filesystem::path segment_path(const std::filesystem::path& image, uint32_t number);
// NAME.partial.E02 …
std::filesystem::path partial_segment_path(const std::filesystem::path& image, uint32_t number);
// Where segment `number` of an image named `image` (or of an unfinished one, named NAME.partial.E01) is to be read. One
// of an unfinished image may have its own name already.
std::filesystem::path find_segment(const std::filesystem::path& image, uint32_t number);

} // namespace kanshiki
