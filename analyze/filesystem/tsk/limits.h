#pragma once
// What libtsk 4.11.1 leaves out without a word, said by us (compared with what the kernel shows).

#include "analyze/filesystem/volume_reader.h"

#include <string>
#include <string_view>
#include <tsk/libtsk.h>
#include <vector>

namespace kanshiki::tsk {

// Of the whole file system: for FileSystemInfo::notices.
std::vector<std::string> limits_of(TSK_FS_TYPE_ENUM type, VolumeReader& reader);

// A long name of FAT is put together from at most 15 of its 20 entries: one as long as those may have been longer.
bool may_be_cut(TSK_FS_TYPE_ENUM type, std::string_view name);

} // namespace kanshiki::tsk
