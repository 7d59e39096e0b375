#pragma once
// Our own Btrfs reader behind the interface: the folder below the top-level subvolume (5), with every other subvolume
// and snapshot where it hangs, as `mount -o subvolid=5` shows it.

#include "analyze/filesystem/btrfs/file_content.h"
#include "analyze/filesystem/btrfs/handle.h"

namespace kanshiki::btrfs {

// What the interface promises of names, whatever stands on disk.
std::string safe_name(std::string_view stored);

class BtrfsFileSystem : public FileSystem {
public:
    BtrfsFileSystem(std::unique_ptr<VolumeReader> reader, const Superblock& super, std::vector<std::string> notices);

    const FileSystemInfo& info() const override { return info_; }
    uint64_t root() const override { return root_; }
    void list(uint64_t directory, const std::function<void(const DirectoryEntry&)>& entry) override;
    FileInfo stat(uint64_t inode) override;
    void streams(uint64_t, const std::function<void(const DirectoryEntry&)>&) override {}
    std::vector<FileExtent> extents(uint64_t inode) override;
    size_t read(uint64_t inode, uint64_t offset, std::span<std::byte> into) override;
    void xattrs(uint64_t inode, const std::function<void(const Xattr&)>& attribute) override;
    void free_space(const std::function<void(const Range&)>& range) override;
    void orphans(const std::function<bool(uint64_t)>& named,
                 const std::function<void(const DirectoryEntry&)>& entry) override;
    std::vector<Bad> take_unreadable() override { return data_.take_unreadable(); }
    std::vector<std::string> take_warnings() override { return warnings_.take(); }

private:
    struct Found {
        Subvolume subvolume;
        Inode inode;
    };
    void read_chunks();
    void find_root();
    void note_features();

    Found find(const Handle& handle);
    FileInfo stat_stale(const Handle& handle);
    FileContent::File file(const Handle& handle, const Found& found);
    void give_entry(const Handle& directory, const Subvolume& subvolume, const DirectoryItem& item, uint64_t index,
                    const std::function<void(const DirectoryEntry&)>& entry);
    std::optional<std::string> scan_names(const Tree& tree, uint64_t objectid, uint8_t kind,
                                          const std::function<void(const DirectoryItem&, uint64_t index)>& each);
    std::optional<Handle> target(const Handle& directory, const DirectoryItem& item, uint64_t index);
    std::vector<Range> taken();
    void orphaned_inodes(const Subvolume& subvolume, const std::function<bool(uint64_t)>& named,
                         const std::function<void(const DirectoryEntry&)>& entry);
    std::vector<uint64_t> subvolumes(uint8_t commit);
    void older_commits(const std::function<void(const DirectoryEntry&)>& entry);

    FileSystemInfo info_;
    std::unique_ptr<VolumeReader> reader_;
    const Superblock super_;
    Warnings warnings_;
    ChunkMap chunks_;
    NodeReader nodes_;
    TreeReader trees_;
    DataReader data_;
    Commits commits_;
    FileContent content_;
    uint64_t root_ = 0;
};

} // namespace kanshiki::btrfs
