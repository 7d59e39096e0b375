#pragma once
// A file system out of nothing: directories with names, some of them damaged, none of them on a disk.

#include "kanshiki/error.h"
#include "kanshiki/file_system.h"

#include <atomic>
#include <map>
#include <memory>
#include <set>

namespace kanshiki::test {

struct ModelTree {
    std::map<uint64_t, std::vector<DirectoryEntry>> directories; // by handle; 1 is the root
    std::set<uint64_t> damaged;                                  // list() throws at the end, stat() at once
    std::map<uint64_t, Bad> unreadable;                          // by handle
    std::map<uint64_t, std::string> warnings;                    // by handle
    std::set<uint64_t> freed;                                    // not allocated
    std::map<uint64_t, std::vector<std::string>> streams;
    std::vector<DirectoryEntry> orphans;
    uint64_t lost = 0;                 // stat() of it throws source_lost
    std::function<void()> before_list; // called from any thread
    std::shared_ptr<std::atomic<uint64_t>> lists = std::make_shared<std::atomic<uint64_t>>(0);

    void add(uint64_t directory, const std::string& name, uint64_t handle, FileType type = FileType::regular,
             bool deleted = false) {
        directories[directory].push_back({name, handle, type, deleted});
        if (type == FileType::directory) directories[handle];
    }
};

class ModelFiles : public FileSystem {
public:
    explicit ModelFiles(const ModelTree& tree) : tree_(tree) { info_.type = "model"; }
    const FileSystemInfo& info() const override { return info_; }
    uint64_t root() const override { return 1; }
    void list(uint64_t directory, const std::function<void(const DirectoryEntry&)>& entry) override {
        ++*tree_.lists;
        if (tree_.before_list) tree_.before_list();
        meet(directory);
        const auto found = tree_.directories.find(directory);
        if (found == tree_.directories.end()) throw Error(ExitCode::never_valid, "no directory");
        for (const DirectoryEntry& each : found->second) entry(each);
        if (tree_.damaged.contains(directory)) throw Error(ExitCode::never_valid, "a damaged directory");
    }
    FileInfo stat(uint64_t handle) override {
        if (handle == tree_.lost && handle != 0) throw Error(ExitCode::source_lost, "gone");
        meet(handle);
        FileInfo info;
        info.inode = handle;
        info.type = tree_.directories.contains(handle) ? FileType::directory : FileType::regular;
        if (tree_.damaged.contains(handle) && info.type == FileType::regular)
            throw Error(ExitCode::never_valid, "a damaged inode");
        info.mode = 0644;
        info.size = handle * 3;
        info.links = 1;
        info.modified = Timestamp{static_cast<int64_t>(handle), 7};
        info.allocated = !tree_.freed.contains(handle);
        return info;
    }
    void streams(uint64_t handle, const std::function<void(const DirectoryEntry&)>& entry) override {
        const auto found = tree_.streams.find(handle);
        if (found == tree_.streams.end()) return;
        for (const std::string& name : found->second) entry({name, handle + 1'000'000, FileType::regular});
    }
    std::vector<FileExtent> extents(uint64_t) override { return {}; }
    size_t read(uint64_t, uint64_t, std::span<std::byte>) override { return 0; }
    void xattrs(uint64_t, const std::function<void(const Xattr&)>&) override {}
    void free_space(const std::function<void(const Range&)>&) override {}
    void orphans(const std::function<bool(uint64_t)>& named,
                 const std::function<void(const DirectoryEntry&)>& entry) override {
        for (const DirectoryEntry& each : tree_.orphans)
            if (!named(each.inode)) entry(each);
    }
    std::vector<Bad> take_unreadable() override { return std::exchange(unreadable_, {}); }
    std::vector<std::string> take_warnings() override { return std::exchange(warnings_, {}); }

private:
    void meet(uint64_t handle) {
        if (const auto bad = tree_.unreadable.find(handle); bad != tree_.unreadable.end())
            unreadable_.push_back(bad->second);
        if (const auto told = tree_.warnings.find(handle); told != tree_.warnings.end())
            warnings_.push_back(told->second);
    }

    const ModelTree& tree_;
    FileSystemInfo info_;
    std::vector<Bad> unreadable_;
    std::vector<std::string> warnings_;
};

} // namespace kanshiki::test
