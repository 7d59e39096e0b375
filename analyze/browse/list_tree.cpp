#include "analyze/browse/list_tree.h"

#include "analyze/triage/walk.h"

namespace kanshiki {
namespace {

bool is_below(const std::string& path, const std::string& start) {
    return start == "/" || (path.starts_with(start) && path.size() > start.size() && path[start.size()] == '/');
}

class BelowStart : public WalkSink {
public:
    BelowStart(unsigned volume, const std::string& start, const TreeOptions& options)
        : volume_(volume), start_(start), options_(options) {}
    bool file(const ListedFile& file) override {
        if ((file.deleted || file.orphan) && !options_.deleted) return true;
        if (is_below(file.path, start_)) options_.file(file);
        return true;
    }
    void not_covered(NotCovered&& line) override {
        if (line.path.empty() || line.path == start_ || is_below(line.path, start_)) options_.missed(line);
    }
    void warning(const std::string& text) override {
        options_.warning ? options_.warning(text) : options_.missed({volume_, "", "file system", text});
    }
    void progress(uint64_t names) override {
        if (options_.progress) options_.progress(names);
    }

private:
    const unsigned volume_;
    const std::string& start_;
    const TreeOptions& options_;
};

} // namespace

void list_tree(BrowsedVolume& volume, const ListedFile& start, const TreeOptions& options, std::stop_token stop) {
    options.file(start);
    WalkOptions how;
    how.threads = options.threads;
    how.orphans = options.deleted;
    if (start.path != "/" && start.handle != 0) { // else the root, or the folder of orphans, which has no inode
        how.start = start.handle;
        how.path = start.path;
        how.start_orphan = start.orphan;
    }
    BelowStart sink(volume.volume.number, start.path, options);
    const auto again = [&] { return open_volume(*volume.source, volume.volume, stop); };
    walk(*volume.files, again, volume.volume.number, how, sink, stop);
}

} // namespace kanshiki
