#pragma once
// A name in a file system, by its path.

#include "kanshiki/file_system.h"

namespace kanshiki {

// What FileSystem::stat takes, of the allocated entry that `path` names; nothing when there is none. path begins with
// '/', its bytes as stored; symbolic links are not followed. Directories are read one after the other, no others.
std::optional<uint64_t> find_path(FileSystem& files, std::string_view path);

} // namespace kanshiki
