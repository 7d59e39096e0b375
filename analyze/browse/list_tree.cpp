#include "analyze/browse/list_tree.h"

#include "analyze/triage/walk.h"

namespace kanshiki {
namespace {

bool is_below(const std::string& path, const std::string& start) {
    return start == "/" || (path.starts_with(start) && path.size() > start.size() && path[start.size()] == '/');
}

} // namespace

void list_tree(BrowsedVolume& volume, const ListedFile& start, const TreeOptions& options, std::stop_token stop) {
    options.file(start);
    std::deque<ListedFile> listing;
    std::vector<NotCovered> ledger;
    Walk(*volume.files, volume.volume.number, listing, ledger, options.progress, stop).run();
    for (const ListedFile& file : listing) {
        if ((file.deleted || file.orphan) && !options.deleted) continue;
        if (is_below(file.path, start.path)) options.file(file);
    }
    for (const NotCovered& each : ledger)
        if (each.path.empty() || each.path == start.path || is_below(each.path, start.path)) options.missed(each);
}

} // namespace kanshiki
