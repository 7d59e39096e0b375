#pragma once
// Everything below one directory, in the order of the listing: the seam between the commands and the walk.

#include "analyze/browse/image.h"

namespace kanshiki {

struct TreeOptions {
    bool deleted = false;                                               // deleted names and orphans too
    std::function<void(const ListedFile&)> file = {};                   // start itself comes first
    std::function<void(const NotCovered&)> missed = {};                 // what could not be read, and why
    std::function<void(uint64_t)> progress = [](uint64_t /*names*/) {}; // now and then
    std::function<void(const std::string&)> warning = {}; // FileSystem::take_warnings; empty: they go to `missed`
    unsigned threads = 0;                                 // that read; 0: one per core; the same for any number
};

// Calls all of them on the calling thread.
void list_tree(BrowsedVolume& volume, const ListedFile& start, const TreeOptions& options, std::stop_token stop);

} // namespace kanshiki
