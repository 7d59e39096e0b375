#pragma once
// What lies below one directory, in the order of the listing: the seam between the commands and the walk.

#include "analyze/browse/image.h"

namespace kanshiki {

struct TreeOptions {
    bool recursive = true;                                // false: the directory's own entries alone, and not itself
    bool deleted = false;                                 // deleted names and orphans too
    unsigned threads = 1;                                 // that read directories and inodes
    std::function<void(const ListedFile&)> file = {};     // with recursive, start itself comes first
    std::function<void(const NotCovered&)> missed = {};   // what could not be read, and why
    std::function<void(const std::string&)> warning = {}; // what was odd
    std::function<void(uint64_t)> progress = [](uint64_t /*names*/) {}; // now and then
};

void list_tree(BlockSource& source, BrowsedVolume& volume, const ListedFile& start, const TreeOptions& options,
               std::stop_token stop);

} // namespace kanshiki
