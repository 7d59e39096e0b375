#pragma once
// bodyfile, version 3 of the Sleuth Kit's format, for mactime:
// MD5|name|inode|mode_as_string|UID|GID|size|atime|mtime|ctime|crtime

#include "kanshiki/triage.h"

namespace kanshiki {

// One line; prefix: what stands before the path, "/p1" on a source with partitions.
void append_bodyfile_line(std::string& out, std::string_view prefix, const ListedFile& file);

} // namespace kanshiki
