#pragma once
// What libtsk reads, behind our interface.

#include "analyze/filesystem/tsk/image.h"
#include "kanshiki/file_system.h"

namespace kanshiki::tsk {

struct FileClose {
    void operator()(TSK_FS_FILE* file) const { tsk_fs_file_close(file); }
};

class TskFileSystem : public FileSystem {
public:
    TskFileSystem(std::unique_ptr<Image> image, TSK_FS_INFO* fs);
    ~TskFileSystem() override;
    const FileSystemInfo& info() const override { return info_; }
    uint64_t root() const override { return fs_->root_inum; }
    void list(uint64_t directory, const std::function<void(const DirectoryEntry&)>& entry) override;
    FileInfo stat(uint64_t inode) override;
    void streams(uint64_t inode, const std::function<void(const DirectoryEntry&)>& entry) override;
    std::vector<FileExtent> extents(uint64_t inode) override;
    size_t read(uint64_t inode, uint64_t offset, std::span<std::byte> into) override;
    void xattrs(uint64_t inode, const std::function<void(const Xattr&)>& attribute) override;
    void free_space(const std::function<void(const Range&)>& range) override;
    void orphans(const std::function<bool(uint64_t)>& named,
                 const std::function<void(const DirectoryEntry&)>& entry) override;
    std::vector<Bad> take_unreadable() override { return image_->reader.take_unreadable(); }
    std::vector<std::string> take_warnings() override { return std::exchange(warnings_, {}); }

private:
    [[noreturn]] void fail(uint64_t inode, const std::string& what);
    void list_names(uint64_t directory, const std::function<void(const DirectoryEntry&)>& entry);
    VolumeReader& reader() { return image_->reader; }
    // Reads what the extents say, beyond `initialised` zeros.
    size_t read_extents(const std::vector<FileExtent>& extents, uint64_t size, uint64_t initialised, uint64_t offset,
                        std::span<std::byte> into);

    std::unique_ptr<Image> image_;
    TSK_FS_INFO* fs_;
    FileSystemInfo info_;
    std::vector<std::string> warnings_;
    struct Content; // of the file opened last
    TSK_FS_FILE& open(uint64_t inode);
    Content& content(uint64_t inode);

    std::unique_ptr<TSK_FS_FILE, FileClose> file_;
    uint64_t opened_ = 0;
    std::unique_ptr<Content> content_;
};

std::unique_ptr<FileSystem> open_tsk(BlockSource& source, Range range, std::stop_token stop);

} // namespace kanshiki::tsk
