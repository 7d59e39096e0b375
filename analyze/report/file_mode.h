#pragma once

#include "kanshiki/file_system.h"

#include <string>
#include <string_view>

namespace kanshiki {

char type_letter(FileType type);           // as ls and fls write it: r for a regular file, '-' when unknown
std::string_view type_name(FileType type); // "file", "directory" …
std::string mode_string(uint32_t mode);    // "rwsr-xr-x"

} // namespace kanshiki
