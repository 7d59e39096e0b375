#pragma once
// ext2, ext3, ext4 behind our interface. What is read of each structure stands beside it in this folder; here they come
// together.

#include "analyze/filesystem/ext/directory.h"
#include "analyze/filesystem/ext/disk.h"
#include "analyze/filesystem/ext/inode.h"
#include "analyze/filesystem/ext/shared.h"
#include "analyze/filesystem/ext/xattr.h"
#include "kanshiki/error.h"
#include "kanshiki/file_system.h"

namespace kanshiki::ext {

class ExtFileSystem : public FileSystem {
public:
    ExtFileSystem(const BlockSource& source, std::unique_ptr<VolumeReader> reader, const Superblock& super);

    const FileSystemInfo& info() const override { return info_; }
    uint64_t root() const override { return 2; }
    void list(uint64_t directory, const std::function<void(const DirectoryEntry&)>& entry) override;
    FileInfo stat(uint64_t inode) override;
    void streams(uint64_t, const std::function<void(const DirectoryEntry&)>&) override {}
    std::vector<FileExtent> extents(uint64_t inode) override;
    size_t read(uint64_t inode, uint64_t offset, std::span<std::byte> into) override;
    void xattrs(uint64_t inode, const std::function<void(const Xattr&)>& attribute) override;
    void free_space(const std::function<void(const Range&)>& range) override;
    void orphans(const std::function<bool(uint64_t)>& named,
                 const std::function<void(const DirectoryEntry&)>& entry) override;
    std::vector<Bad> take_unreadable() override { return disk_.reader().take_unreadable(); }
    std::vector<std::string> take_warnings() override { return disk_.take_warnings(); }

private:
    struct File {
        uint64_t handle = 0, number = 0; // the handle may be of a copy in the journal (recovered.h)
        Inode inode;
    };
    struct Journal {
        JournalSuperblock super;
        LogBlocks log;
    };
    // Of the file that was read last.
    struct Content {
        uint64_t handle = 0; // 0: none
        std::vector<BlockRun> runs;
        std::string inline_bytes;
    };
    struct StaleEntry {
        uint32_t inode;
        std::string name;
        uint8_t type;
    };

    [[noreturn]] void fail(uint64_t number, const std::string& what) const;
    // Errors of the parts, with the inode in front.
    template<class Action>
    auto of_inode(uint64_t number, Action action) const {
        try {
            return action();
        } catch (const Error& error) {
            if (error.code() != ExitCode::never_valid) throw;
            fail(number, error.what());
        }
    }

    void replay();
    const Journal& journal(); // throws when there is none that can be read
    std::span<const std::byte> log_block(uint64_t index);
    const Recovered& recovered();
    const RecoveredFile& recovered_file(uint64_t handle);
    uint32_t deletion_of(const File& copy);
    // A block as it was when the file's copy was made; as it is, for a file that exists.
    std::vector<std::byte> block_for(const File& file, uint64_t number);
    File open(uint64_t handle);
    std::span<const std::byte> bytes_of(const File& file);
    std::vector<BlockRun> runs_of(const File& file);
    std::string inline_content(const File& file);
    const Content& content(const File& file);
    std::string symlink_target(const File& file);
    void read_runs(const std::vector<BlockRun>& runs, uint64_t offset, std::span<std::byte> into);

    DirectoryLayout layout(const File& directory) const;
    // Every block (or inline part) of a directory, in order; returns what is wrong with the whole.
    using DirectoryBlock = std::function<void(std::span<const std::byte> bytes, uint64_t index)>;
    std::string directory_blocks(const File& directory, const DirectoryBlock& block);
    void check_directory_block(const File& directory, std::span<const std::byte> bytes, uint64_t index);
    void drop_those_in_use(const File& directory, std::vector<StaleEntry>& stale);
    Certainty certainty_of(const StaleEntry& entry);
    void list_copy(const File& directory, const std::function<void(const DirectoryEntry&)>& entry);
    void give_recovered(const RecoveredFile& file, const std::function<void(const DirectoryEntry&)>& entry);

    std::string value_of(const RawXattr& attribute);
    void orphans_of(uint64_t group, const Recovered* known, const std::function<bool(uint64_t)>& named,
                    const std::function<void(const DirectoryEntry&)>& entry);

    Disk disk_;
    FileSystemInfo info_;
    Content content_;
    std::shared_ptr<Shared> shared_;
    std::optional<Journal> journal_;
};

// Null when there is no ext file system with a usable superblock.
std::unique_ptr<FileSystem> open_ext(BlockSource& source, Range range, std::stop_token stop);
// By a copy of the superblock, where nothing else is known to lie.
std::unique_ptr<FileSystem> open_ext_by_backup(BlockSource& source, Range range, std::stop_token stop);

} // namespace kanshiki::ext
