#pragma once
// One volume's tree, depth first, every name in the order of its bytes, bounded in depth and memory. Given out one by
// one; what is given, and in which order, is the same for any number of threads.

#include "kanshiki/triage.h"

#include <functional>

namespace kanshiki {

struct WalkLimits {
    size_t depth = 2048;                      // directories inside each other
    size_t path = 32 * 1024;                  // bytes
    size_t directory = 20'000'000;            // names in one directory
    uint64_t memory = uint64_t{4} << 30;      // of the numbers that must be remembered: who was met, which was entered
    uint64_t look_ahead = uint64_t{48} << 20; // bytes held of directories read before their turn
    size_t times_told = 100;                  // the files that one unreadable range spoils, each told by name
};

struct WalkOptions {
    unsigned threads = 1; // that read directories and inodes; 0: one per core
    bool recursive = true;
    bool orphans = true; // of a walk from the root
    // Where it begins: a directory's handle, its path without the last '/', and whether that is an orphan or in one.
    // 0: the root.
    uint64_t start = 0;
    std::string path;
    bool start_orphan = false;
    // Called for each inode right after stat(), on the thread that did that, with its file system: for what is wanted
    // of it while it is at hand. Also for some whose names are never given out. Its Errors are told as lines.
    std::function<void(FileSystem& files, uint64_t handle, const FileInfo& info)> inspect = {};
    WalkLimits limits;
};

// Called on the thread that walks.
class WalkSink {
public:
    virtual ~WalkSink() = default;
    // `file` is valid during the call. False: enough; the walk ends as if there were no more.
    virtual bool file(const ListedFile& file) = 0;
    // What could not be read or is not understood. Lines about a file come right before or after it.
    virtual void not_covered(NotCovered&& line) = 0;
    // FileSystem::take_warnings, sorted, at the end: of all that was read. (Of a tree that a limit of depth cuts off,
    // others may have read further.)
    virtual void warning(const std::string& text) = 0;
    virtual void progress(uint64_t names) { static_cast<void>(names); } // now and then
};

// Opens the file system once more, for a thread of its own; called from several threads at once. Not called where
// threads is 1.
using OpenAgain = std::function<std::unique_ptr<FileSystem>()>;

// files is used on the calling thread. Throws Error{source_lost, interrupted}; all else goes to the sink as lines.
VolumeSummary walk(FileSystem& files, const OpenAgain& again, unsigned volume, const WalkOptions& options,
                   WalkSink& sink, std::stop_token stop);

} // namespace kanshiki
