#pragma once
// Names in a file system by their path, deleted ones and alternate data streams too.

#include "kanshiki/triage.h"

namespace kanshiki {

// The entries that `path` names: one, or none, or with `deleted` as many as were deleted under that name while none
// bears it now. NAME:STREAM is a stream of NAME when no entry is named so. Symbolic links are not followed. Throws when
// a directory on the way is damaged and the name was not in what could be read of it.
std::vector<ListedFile> find_entries(FileSystem& files, unsigned volume, std::string_view path, bool deleted);

// A directory's own entries, names sorted by bytes, with what their inodes say, streams behind their file. What cannot
// be read is told to `missed`. folder: its path, "" for the root.
void list_folder(FileSystem& files, unsigned volume, uint64_t directory, const std::string& folder,
                 const std::function<void(const ListedFile&)>& file,
                 const std::function<void(const NotCovered&)>& missed);

} // namespace kanshiki
