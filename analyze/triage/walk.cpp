#include "analyze/triage/walk.h"

#include "kanshiki/error.h"

#include <algorithm>
#include <cstring>
#include <tuple>

namespace kanshiki {
namespace {

// Errors that end the run; all others are about one file.
bool ends_run(const Error& error) {
    return error.code() == ExitCode::interrupted || error.code() == ExitCode::source_lost;
}

void sort_names(std::vector<DirectoryEntry>& entries) {
    std::ranges::stable_sort(entries, {},
                             [](const DirectoryEntry& each) { return std::tie(each.name, each.deleted, each.inode); });
}

} // namespace

Walk::Walk(FileSystem& files, unsigned volume, std::deque<ListedFile>& listing, std::vector<NotCovered>& ledger,
           std::function<void(uint64_t)> progress, std::stop_token stop, const WalkLimits& limits)
    : files_(files), listing_(listing), ledger_(ledger), progress_(std::move(progress)), stop_(std::move(stop)),
      limits_(limits) {
    summary_.number = volume;
    summary_.range = files.info().range;
    summary_.file_system = files.info();
}

void Walk::miss(const std::string& path, const std::string& where, const std::string& why) {
    ledger_.push_back({summary_.number, path, where, why});
}

void Walk::note_unreadable(const std::string& path, const char* consequence) {
    for (const Bad& bad : files_.take_unreadable())
        miss(path, "source bytes " + std::to_string(bad.range.offset) + " to " + std::to_string(bad.range.end() - 1),
             std::string("unreadable (") + std::strerror(bad.error) + "): read as zeros, so " + consequence);
}

// Reads a directory and puts it on the stack.
bool Walk::open(uint64_t directory, const std::string& path, bool orphan) {
    Level level{path, orphan, {}, 0};
    try {
        files_.list(directory, [&](const DirectoryEntry& entry) { level.entries.push_back(entry); });
    } catch (const Error& error) {
        if (ends_run(error)) throw;
        miss(path.empty() ? "/" : path, "directory", error.what());
    }
    note_unreadable(path.empty() ? "/" : path, "names may be missing here");
    sort_names(level.entries);
    levels_.push_back(std::move(level));
    return true;
}

void Walk::add(const DirectoryEntry& entry, std::string path, bool orphan, const FileInfo& info) {
    memory_ += sizeof(ListedFile) + path.size() + info.symlink_target.size();
    if (memory_ > limits_.memory) {
        if (!std::exchange(full_, true))
            miss(path, "listing", "the listing has reached its limit of memory; the rest is not listed");
        return;
    }
    (info.type == FileType::directory ? summary_.directories : summary_.files)++;
    if (entry.deleted) summary_.deleted++;
    listing_.push_back(
        {summary_.number, entry.type, entry.deleted, orphan, entry.inode, std::move(path), info, entry.certainty});
    if (listing_.size() % 1024 == 0) progress_(listing_.size());
}

void Walk::add_streams(const DirectoryEntry& entry, const std::string& path, bool orphan) {
    try {
        files_.streams(entry.inode, [&](const DirectoryEntry& stream) {
            DirectoryEntry each = stream;
            each.deleted = entry.deleted;
            add(each, path + ":" + stream.name, orphan, files_.stat(stream.inode));
        });
    } catch (const Error& error) {
        if (ends_run(error)) throw;
        miss(path, "alternate data streams", error.what());
    }
}

bool Walk::enters(const DirectoryEntry& entry, const FileInfo& info, const std::string& path) {
    if (info.type != FileType::directory) return false;
    if (entry.deleted && info.allocated) return false; // its inode now belongs to another directory
    if (levels_.size() >= limits_.depth) {
        miss(path, "directory", "nested deeper than " + std::to_string(limits_.depth) + "; not listed");
        return false;
    }
    if (entered_.insert(entry.inode).second) return true;
    if (!entry.deleted)
        miss(path, "directory",
             "inode " + std::to_string(info.inode) + " was already listed under another name: a loop or a second link");
    return false;
}

void Walk::visit(const DirectoryEntry& entry, const std::string& folder, bool orphan) {
    if (folder.size() + 1 + entry.name.size() > limits_.path) {
        miss(folder, "name of " + std::to_string(entry.name.size()) + " bytes",
             "the path is longer than " + std::to_string(limits_.path) + " bytes; not listed");
        return;
    }
    std::string path = folder + "/" + entry.name;
    FileInfo info;
    info.allocated = false;
    info.inode = entry.inode;
    bool known = false;
    if (entry.inode != 0) {
        try {
            info = files_.stat(entry.inode);
            known = true;
        } catch (const Error& error) {
            if (ends_run(error)) throw;
            miss(path, "inode", error.what());
        }
    }
    note_unreadable(path, "its inode cannot be trusted");
    add(entry, path, orphan, info);
    if (!known || full_) return;
    if (info.type != FileType::directory || !entry.deleted) add_streams(entry, path, orphan);
    if (enters(entry, info, path)) open(entry.inode, path, orphan);
}

void Walk::descend() {
    while (!levels_.empty() && !full_) {
        if (stop_.stop_requested())
            throw Error(ExitCode::interrupted, "interrupted while listing files; nothing was written");
        Level& level = levels_.back();
        if (level.next == level.entries.size()) {
            levels_.pop_back();
            continue;
        }
        const DirectoryEntry entry = std::move(level.entries[level.next++]);
        visit(entry, level.path, level.orphan); // may grow levels_: `level` is not used after it
    }
    levels_.clear();
}

// Inodes in no directory. Those that an orphaned directory names are listed below it.
void Walk::walk_orphans() {
    std::vector<uint64_t> named;
    for (const ListedFile& each : listing_)
        if (each.volume == summary_.number) named.push_back(each.handle);
    named.push_back(files_.root());
    std::ranges::sort(named);
    Level top{"/$OrphanFiles", true, {}, 0};
    try {
        files_.orphans([&](uint64_t inode) { return std::ranges::binary_search(named, inode); },
                       [&](const DirectoryEntry& entry) { top.entries.push_back(entry); });
    } catch (const Error& error) {
        if (ends_run(error)) throw;
        miss("/$OrphanFiles", "orphaned inodes", error.what());
    }
    note_unreadable("/$OrphanFiles", "deleted files may be missing");
    sort_names(top.entries);

    std::unordered_set<uint64_t> below;
    for (const DirectoryEntry& entry : top.entries) {
        if (entry.type != FileType::directory) continue;
        try {
            files_.list(entry.inode, [&](const DirectoryEntry& child) {
                if (child.inode != entry.inode) below.insert(child.inode);
            });
        } catch (const Error& error) {
            if (ends_run(error)) throw; // anything else is told when it is listed
        }
    }
    Level rest = top; // directories that only contain each other would be lost otherwise
    std::erase_if(top.entries, [&](const DirectoryEntry& entry) { return below.contains(entry.inode); });
    std::erase_if(rest.entries, [&](const DirectoryEntry& entry) { return !below.contains(entry.inode); });
    levels_.push_back(std::move(top));
    descend();
    std::erase_if(rest.entries, [&](const DirectoryEntry& entry) {
        return entry.type != FileType::directory || entered_.contains(entry.inode);
    });
    levels_.push_back(std::move(rest));
    descend();
}

VolumeSummary Walk::run() {
    entered_.insert(files_.root());
    open(files_.root(), "", false);
    descend();
    if (!full_) walk_orphans();
    progress_(listing_.size());
    return summary_;
}

} // namespace kanshiki
