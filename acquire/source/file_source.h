#pragma once
// A block device or a regular file on this machine, read by offset.

#include "kanshiki/open_source.h"

namespace kanshiki {

// A block device is opened O_RDONLY|O_EXCL: one that is in use anywhere, also in another mount namespace, is refused
// unless options.allow_in_use; then it is read as live.
std::unique_ptr<BlockSource> open_local(const std::string& path, const OpenOptions& options, Events& events);

// A regular file that holds an image; kind is its evidence format.
std::unique_ptr<BlockSource> open_file_source(const std::string& path, const std::string& kind);

} // namespace kanshiki
