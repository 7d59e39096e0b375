#include "analyze/report/file_mode.h"

namespace kanshiki {

char type_letter(FileType type) { return "-rdlcbps"[static_cast<size_t>(type)]; }

std::string_view type_name(FileType type) {
    static constexpr std::string_view names[] = {"unknown",          "file",         "directory", "symlink",
                                                 "character device", "block device", "fifo",      "socket"};
    return names[static_cast<size_t>(type)];
}

std::string mode_string(uint32_t mode) {
    std::string text = "rwxrwxrwx";
    for (unsigned bit = 0; bit < 9; bit++)
        if (!(mode >> (8 - bit) & 1)) text[bit] = '-';
    if (mode & 04000) text[2] = text[2] == 'x' ? 's' : 'S';
    if (mode & 02000) text[5] = text[5] == 'x' ? 's' : 'S';
    if (mode & 01000) text[8] = text[8] == 'x' ? 't' : 'T';
    return text;
}

} // namespace kanshiki
