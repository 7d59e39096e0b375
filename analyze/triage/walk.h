#pragma once
// One volume's tree, depth first, every name, bounded in depth and size.

#include "kanshiki/triage.h"

#include <functional>
#include <unordered_set>

namespace kanshiki {

struct WalkLimits {
    size_t depth = 2048;                 // directories inside each other
    size_t path = 32 * 1024;             // bytes
    uint64_t memory = uint64_t{4} << 30; // of what is listed, all volumes together
};

class Walk {
public:
    // progress is called now and then with the number of names so far.
    Walk(FileSystem& files, unsigned volume, std::deque<ListedFile>& listing, std::vector<NotCovered>& ledger,
         std::function<void(uint64_t)> progress, std::stop_token stop, const WalkLimits& limits = {});

    VolumeSummary run();

private:
    struct Level {
        std::string path; // without the last '/'
        bool orphan = false;
        std::vector<DirectoryEntry> entries;
        size_t next = 0;
    };

    bool open(uint64_t directory, const std::string& path, bool orphan);
    void visit(const DirectoryEntry& entry, const std::string& folder, bool orphan);
    void add(const DirectoryEntry& entry, std::string path, bool orphan, const FileInfo& info);
    void add_streams(const DirectoryEntry& entry, const std::string& path, bool orphan);
    bool enters(const DirectoryEntry& entry, const FileInfo& info, const std::string& path);
    void descend();
    void walk_orphans();
    void miss(const std::string& path, const std::string& where, const std::string& why);
    void note_unreadable(const std::string& path, const char* consequence);

    FileSystem& files_;
    VolumeSummary summary_;
    std::deque<ListedFile>& listing_;
    std::vector<NotCovered>& ledger_;
    std::function<void(uint64_t)> progress_;
    std::stop_token stop_;
    const WalkLimits limits_;
    std::vector<Level> levels_;
    std::unordered_set<uint64_t> entered_; // directories
    uint64_t memory_ = 0;
    bool full_ = false;
};

} // namespace kanshiki
