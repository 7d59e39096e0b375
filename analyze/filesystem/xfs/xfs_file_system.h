#pragma once
// XFS behind our interface. Handles are inode numbers.

#include "analyze/filesystem/xfs/ag_tree.h"
#include "analyze/filesystem/xfs/directory.h"
#include "kanshiki/file_system.h"

namespace kanshiki::xfs {

class XfsFileSystem : public FileSystem {
public:
    XfsFileSystem(BlockSource& source, Range range, const Superblock& super, std::shared_ptr<const Replayed> log,
                  std::stop_token stop);
    const FileSystemInfo& info() const override { return info_; }
    uint64_t root() const override { return metadata_.super.root_inode; }
    void list(uint64_t directory, const std::function<void(const DirectoryEntry&)>& entry) override;
    FileInfo stat(uint64_t number) override;
    void streams(uint64_t, const std::function<void(const DirectoryEntry&)>&) override {}
    std::vector<FileExtent> extents(uint64_t number) override;
    size_t read(uint64_t number, uint64_t offset, std::span<std::byte> into) override;
    void xattrs(uint64_t number, const std::function<void(const Xattr&)>& attribute) override;
    void free_space(const std::function<void(const Range&)>& range) override;
    void orphans(const std::function<bool(uint64_t)>& named,
                 const std::function<void(const DirectoryEntry&)>& entry) override;
    std::vector<Bad> take_unreadable() override { return metadata_.reader.take_unreadable(); }
    std::vector<std::string> take_warnings() override { return metadata_.take_warnings(); }

private:
    enum class State : uint8_t { allocated, free, absent }; // what the inode tree says
    // What is read of an inode's content; of the inode asked for last.
    struct Content {
        uint64_t number = ~uint64_t{0};
        uint64_t size = 0;
        bool local = false;
        std::string bytes; // local
        std::vector<FileExtent> extents;
    };

    const Inode& inode(uint64_t number);
    State state(uint64_t number);
    bool internal(const Inode& inode) const;
    std::string symlink_target(const Inode& inode);
    const Content& content(uint64_t number);
    std::vector<FileExtent> to_file_extents(const std::vector<Extent>& extents) const;
    // deleted.cpp: what freed inodes and names still tell.
    void judge_deleted(const Name& name, const Inode& directory, DirectoryEntry& entry);
    bool blocks_free(const Inode& inode);
    void orphans_of(uint32_t ag, const std::function<bool(uint64_t)>& named,
                    const std::function<void(const DirectoryEntry&)>& entry);

    Metadata metadata_;
    FileSystemInfo info_;
    TreeLookup inodes_, free_;
    bool inode_trees_damaged_ = false;
    Inode inode_;
    Content content_;
};

} // namespace kanshiki::xfs
