#include "analyze/triage/walk.h"

#include "analyze/triage/look_ahead.h"
#include "analyze/triage/packed_info.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <cstring>
#include <map>

namespace kanshiki {
namespace {

// The one authority on order, loops, depth and limits; LookAhead only reads for it.
class Walk {
public:
    Walk(FileSystem& files, const OpenAgain& again, unsigned volume, const WalkOptions& options, WalkSink& sink,
         std::stop_token stop)
        : files_(files), options_(options), limits_(options.limits), sink_(sink), stop_(stop),
          ahead_(files, again, options, std::move(stop)) {
        summary_.number = volume;
        summary_.range = files.info().range;
        summary_.file_system = files.info();
    }

    VolumeSummary run() {
        const uint64_t start = options_.start != 0 ? options_.start : files_.root();
        folder_ = options_.path;
        entered_.insert(start);
        push(ahead_.top(start, folder_.size()), options_.start_orphan);
        descend();
        if (!ended_ && options_.orphans && options_.recursive && options_.start == 0) walk_orphans();
        tell_warnings();
        sink_.progress(names_);
        return summary_;
    }

private:
    struct Level {
        LookAhead::Pointer directory;
        size_t path_size = 0;
        bool orphan = false;
        uint32_t next = 0, next_odd = 0;
    };

    void miss(const std::string& path, const std::string& where, const std::string& why) {
        sink_.not_covered({summary_.number, path, where, why});
    }

    void note_unreadable(const std::string& path, const std::vector<Bad>& unreadable, const char* consequence) {
        for (const Bad& bad : unreadable) {
            uint64_t& times = told_[{bad.range.offset, bad.range.size}];
            if (++times > limits_.times_told) continue;
            miss(path, files_.place(bad.range),
                 std::string("unreadable (") + std::strerror(bad.error) + "): read as zeros, so " + consequence);
        }
    }

    void tell_warnings() {
        bool more = false;
        for (const std::string& warning : ahead_.finish(more)) sink_.warning(warning);
        if (more) sink_.warning("there were more warnings than are told here");
        for (const auto& [range, times] : told_)
            if (times > limits_.times_told)
                miss("", files_.place({range.first, range.second}),
                     "unreadable: " + std::to_string(times - limits_.times_told) +
                         " more names depend on it than are told here");
    }

    // folder_ is the directory's path.
    void push(LookAhead::Pointer directory, bool orphan) {
        ahead_.await(*directory);
        const std::string& path = folder_.empty() ? slash_ : folder_;
        const ListedDirectory& listed = directory->listed;
        if (!listed.error.empty()) miss(path, "directory", listed.error);
        note_unreadable(path, listed.unreadable, "names may be missing here");
        levels_.push_back({std::move(directory), folder_.size(), orphan, 0, 0});
    }

    void descend() {
        while (!levels_.empty() && !ended_) {
            if (stop_.stop_requested())
                throw Error(ExitCode::interrupted, "interrupted while listing files; nothing was written");
            Level& level = levels_.back();
            folder_.resize(level.path_size);
            if (level.next < level.directory->listed.names.size()) {
                visit(level, level.next++); // may grow levels_: `level` is not used after it
                continue;
            }
            ahead_.leave(*level.directory);
            levels_.pop_back();
        }
        for (const Level& level : levels_) ahead_.leave(*level.directory);
        levels_.clear();
    }

    void visit(Level& level, uint32_t index) {
        const LookAhead::Pointer directory = level.directory; // levels_ may move
        const ListedDirectory& listed = directory->listed;
        const ListedDirectory::Name& name = listed.names[index];
        const ListedDirectory::Odd* odd = nullptr;
        if (level.next_odd < listed.odd.size() && listed.odd[level.next_odd].name == index)
            odd = &listed.odd[level.next_odd++];
        if (name.state == ListedDirectory::State::too_long) {
            miss(folder_, "name of " + std::to_string(name.size) + " bytes",
                 "the path is longer than " + std::to_string(limits_.path) + " bytes; not listed");
            return;
        }
        file_.path.assign(folder_) += '/';
        file_.path += listed.text(name);
        file_.known = name.state == ListedDirectory::State::known;
        if (file_.known) {
            unpack(listed.pieces[name.piece].infos.data() + name.info, file_.info);
        } else {
            file_.info = {};
            file_.info.allocated = false;
            file_.info.inode = name.handle;
        }
        file_.volume = summary_.number;
        file_.name_type = name.type;
        file_.deleted = name.deleted;
        file_.certainty = name.certainty;
        file_.orphan = level.orphan;
        file_.handle = name.handle;
        if (odd != nullptr) {
            if (!odd->error.empty()) miss(file_.path, "inode", odd->error);
            if (!odd->inspect_error.empty()) miss(file_.path, "extents", odd->inspect_error);
            note_unreadable(file_.path, odd->unreadable, "its inode cannot be trusted");
        }
        give();
        if (!file_.known || ended_) return;
        const bool enter = enters(name.deleted);
        if (enter) folder_ = file_.path; // before file_ becomes a stream
        if (odd != nullptr) give_streams(*odd);
        if (enter && !ended_) push(ahead_.enter(*directory, index), level.orphan);
    }

    void give() {
        if ((memory_ += 2 * sizeof(uint64_t)) > limits_.memory) {
            miss(file_.path, "listing", "the listing has reached its limit of memory; the rest is not listed");
            ended_ = true;
            return;
        }
        (file_.info.type == FileType::directory ? summary_.directories : summary_.files)++;
        if (file_.deleted) summary_.deleted++;
        if (options_.orphans) met_.push_back(file_.handle);
        if (!sink_.file(file_)) ended_ = true;
        if (++names_ % 1024 == 0) sink_.progress(names_);
    }

    void give_streams(const ListedDirectory::Odd& odd) {
        const std::string path = file_.path;
        for (const ListedDirectory::Stream& stream : odd.streams) {
            if (ended_) return;
            file_.path.assign(path) += ':';
            file_.path += stream.entry.name;
            file_.name_type = stream.entry.type;
            file_.handle = stream.entry.inode;
            file_.info = stream.info;
            give();
        }
        if (!odd.streams_error.empty()) miss(path, "alternate data streams", odd.streams_error);
        note_unreadable(path, odd.streams_unreadable, "its alternate data streams may be missing");
    }

    // Whether file_ is a directory to be walked into now.
    bool enters(bool deleted) {
        const FileInfo& info = file_.info;
        if (info.type != FileType::directory || !options_.recursive) return false;
        if (deleted && info.allocated) return false; // its inode now belongs to another directory
        if (levels_.size() >= limits_.depth) {
            miss(file_.path, "directory", "nested deeper than " + std::to_string(limits_.depth) + "; not listed");
            return false;
        }
        memory_ += 6 * sizeof(uint64_t); // what a set takes for one
        if (entered_.insert(file_.handle).second) return true;
        if (!deleted)
            miss(file_.path, "directory",
                 "inode " + std::to_string(info.inode) +
                     " was already listed under another name: a loop or a second link");
        return false;
    }

    // Inodes in no directory. Those that an orphaned directory names are listed below it.
    void walk_orphans() {
        met_.push_back(files_.root());
        std::ranges::sort(met_);
        folder_ = "/$OrphanFiles";
        std::vector<DirectoryEntry> top, rest;
        try {
            files_.orphans([&](uint64_t handle) { return std::ranges::binary_search(met_, handle); },
                           [&](const DirectoryEntry& entry) { top.push_back(entry); });
        } catch (const Error& failed) {
            if (ends_run(failed)) throw;
            miss(folder_, "orphaned inodes", failed.what());
        }
        note_unreadable(folder_, files_.take_unreadable(), "deleted files may be missing");
        met_ = {};

        std::unordered_set<uint64_t> below;
        for (const DirectoryEntry& entry : top) {
            if (entry.type != FileType::directory) continue;
            try {
                files_.list(entry.inode, [&](const DirectoryEntry& child) {
                    if (child.inode != entry.inode) below.insert(child.inode);
                });
            } catch (const Error& failed) {
                if (ends_run(failed)) throw; // anything else is told when it is listed
            }
        }
        files_.take_unreadable(); // likewise
        rest = top;               // directories that only contain each other would be lost otherwise
        std::erase_if(top, [&](const DirectoryEntry& entry) { return below.contains(entry.inode); });
        std::erase_if(rest, [&](const DirectoryEntry& entry) { return !below.contains(entry.inode); });
        push(ahead_.given(top, folder_.size()), true);
        descend();
        std::erase_if(rest, [&](const DirectoryEntry& entry) {
            return entry.type != FileType::directory || entered_.contains(entry.inode);
        });
        if (ended_ || rest.empty()) return;
        folder_ = "/$OrphanFiles";
        push(ahead_.given(rest, folder_.size()), true);
        descend();
    }

    FileSystem& files_;
    const WalkOptions& options_;
    const WalkLimits& limits_;
    WalkSink& sink_;
    const std::stop_token stop_;
    LookAhead ahead_;
    VolumeSummary summary_;
    const std::string slash_ = "/";
    std::string folder_; // path of the directory at hand, without the last '/'
    ListedFile file_;
    std::vector<Level> levels_;
    std::unordered_set<uint64_t> entered_;                   // directories
    std::vector<uint64_t> met_;                              // handles
    std::map<std::pair<uint64_t, uint64_t>, uint64_t> told_; // of each unreadable range: how many names
    uint64_t memory_ = 0, names_ = 0;
    bool ended_ = false;
};

} // namespace

VolumeSummary walk(FileSystem& files, const OpenAgain& again, unsigned volume, const WalkOptions& options,
                   WalkSink& sink, std::stop_token stop) {
    return Walk(files, again, volume, options, sink, std::move(stop)).run();
}

} // namespace kanshiki
