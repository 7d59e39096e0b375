#include "analyze/browse/list_tree.h"

#include "analyze/triage/walk.h"

namespace kanshiki {
namespace {

class Sink : public WalkSink {
public:
    explicit Sink(const TreeOptions& options) : options_(options) {}
    bool file(const ListedFile& file) override {
        if (options_.deleted || !(file.deleted || file.orphan)) options_.file(file);
        return true;
    }
    void not_covered(NotCovered&& line) override { options_.missed(line); }
    void warning(const std::string& text) override { options_.warning(text); }
    void progress(uint64_t names) override { options_.progress(names); }

private:
    const TreeOptions& options_;
};

} // namespace

void list_tree(BlockSource& source, BrowsedVolume& volume, const ListedFile& start, const TreeOptions& options,
               std::stop_token stop) {
    const bool root = start.path == "/";
    WalkOptions how;
    how.threads = options.threads;
    how.recursive = options.recursive;
    how.orphans = root && options.recursive && options.deleted;
    if (!root) how.start = start.handle, how.path = start.path, how.start_orphan = start.orphan;
    if (options.recursive) options.file(start);
    Sink sink(options);
    const auto again = [&] { return open_volume(source, volume.volume, stop); };
    walk(*volume.files, again, volume.volume.number, how, sink, stop);
}

} // namespace kanshiki
