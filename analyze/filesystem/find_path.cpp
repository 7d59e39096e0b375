#include "analyze/filesystem/find_path.h"

namespace kanshiki {

std::optional<uint64_t> find_path(FileSystem& files, std::string_view path) {
    uint64_t at = files.root();
    while (true) {
        path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
        if (path.empty()) return at;
        const std::string_view name = path.substr(0, path.find('/'));
        path.remove_prefix(name.size());
        std::optional<uint64_t> found;
        files.list(at, [&](const DirectoryEntry& entry) {
            if (!found && !entry.deleted && entry.inode != 0 && entry.name == name) found = entry.inode;
        });
        if (!found) return {};
        if (!path.empty() && files.stat(*found).type != FileType::directory) return {};
        at = *found;
    }
}

} // namespace kanshiki
