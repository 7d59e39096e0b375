#pragma once
// Names in a file system by their path, deleted ones and alternate data streams too.

#include "kanshiki/triage.h"

namespace kanshiki {

// The entries that `path` names: one, or none, or with `deleted` as many as were deleted under that name while none
// bears it now. NAME:STREAM is a stream of NAME when no entry is named so. Symbolic links are not followed. Throws when
// a directory on the way is damaged and the name was not in what could be read of it.
std::vector<ListedFile> find_entries(FileSystem& files, unsigned volume, std::string_view path, bool deleted);

} // namespace kanshiki
