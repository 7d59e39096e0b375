#pragma once
// ext2/3/4: names, deleted ones too, by libtsk; inodes and content by our own readers. libtsk 4.11.1 reads files with
// more than one extent index block as empty, has no target for symlinks above 60 bytes, drops the epoch bits and the
// sign of times, takes 128-byte inodes for larger ones, and shows control characters in targets as '^'.

#include "analyze/filesystem/ext/block_map.h"
#include "analyze/filesystem/ext/inode.h"
#include "analyze/filesystem/ext/superblock.h"
#include "analyze/filesystem/tsk/tsk_file_system.h"

namespace kanshiki::tsk {

class ExtFileSystem : public TskFileSystem {
public:
    ExtFileSystem(std::unique_ptr<Image> image, TSK_FS_INFO* fs);
    void list(uint64_t directory, const std::function<void(const DirectoryEntry&)>& entry) override;
    FileInfo stat(uint64_t inode) override;
    void streams(uint64_t, const std::function<void(const DirectoryEntry&)>&) override {}
    std::vector<FileExtent> extents(uint64_t inode) override;
    size_t read(uint64_t inode, uint64_t offset, std::span<std::byte> into) override;
    void orphans(const std::function<bool(uint64_t)>& named,
                 const std::function<void(const DirectoryEntry&)>& entry) override;

private:
    const ext::Group& group(uint64_t index);
    ext::Inode inode(uint64_t number);
    bool allocated(uint64_t number);
    std::vector<ext::BlockRun> runs(uint64_t number, const ext::Inode& inode);
    void symlink(uint64_t number, const ext::Inode& inode, FileInfo& info);
    void orphans_of(uint64_t group, const std::function<bool(uint64_t)>& named,
                    const std::function<void(const DirectoryEntry&)>& entry);
    void touch(const std::vector<FileExtent>& extents);
    // Stands in for libtsk's own loader of block lists, for its reading of directories.
    static uint8_t load_blocks(TSK_FS_FILE* file);
    uint8_t load(TSK_FS_FILE& file);

    ext::Superblock super_;
    uint8_t (*original_load_)(TSK_FS_FILE*) = nullptr;
    uint64_t group_index_ = ~uint64_t{0}, bitmap_index_ = ~uint64_t{0};
    ext::Group group_;
    std::vector<std::byte> bitmap_;
    uint64_t extents_of_ = 0;
    std::vector<FileExtent> extents_;
};

} // namespace kanshiki::tsk
