#pragma once
// One file system on one range of a source. Later readers (XFS, Btrfs) are one more folder and one line in the table of
// analyze/filesystem/open_file_system.cpp.

#include "kanshiki/block_source.h"

#include <functional>
#include <memory>

namespace kanshiki {

enum class FileType : uint8_t { unknown, regular, directory, symlink, character, block, fifo, socket };

struct Timestamp {
    int64_t seconds = 0; // since 1970-01-01 UTC; may be negative
    uint32_t nanoseconds = 0;
    auto operator<=>(const Timestamp&) const = default;
};

struct FileInfo {
    uint64_t inode = 0; // the number a person would use (NTFS: of the MFT record)
    FileType type = FileType::unknown;
    uint32_t mode = 0; // permission bits, 07777
    uint32_t uid = 0, gid = 0, links = 0;
    uint64_t size = 0;
    std::optional<Timestamp> modified, accessed, changed, created, deleted;
    bool allocated = true;      // the inode itself
    std::string symlink_target; // bytes as stored
};

struct DirectoryEntry {
    std::string name;   // bytes as stored: may hold anything but '/' and NUL; never "." or ".."
    uint64_t inode = 0; // what list(), stat() and read() take: an opaque number; 0: the name points nowhere
    FileType type = FileType::unknown;
    bool deleted = false; // the name is unallocated: its inode may have been used again
};

struct FileSystemInfo {
    std::string type; // "ext4", "ntfs", "fat32" …
    std::string label, uuid;
    uint32_t block_size = 0;
    Range range; // in the source
};

// Not thread-safe: one object per worker over a shared, thread-safe source. What cannot be read throws
// Error{never_valid} that names the inode; unreadable blocks read as zeros and are told by take_unreadable().
class FileSystem {
public:
    virtual ~FileSystem() = default;
    virtual const FileSystemInfo& info() const = 0;
    virtual uint64_t root() const = 0;
    // Gives every name that can be read, deleted ones too, in the directory's own order; throws at the end when part of
    // the directory is damaged.
    virtual void list(uint64_t directory, const std::function<void(const DirectoryEntry&)>& entry) = 0;
    virtual FileInfo stat(uint64_t inode) = 0;
    // Further contents under the same name (NTFS alternate data streams), as entries named after the stream.
    virtual void streams(uint64_t inode, const std::function<void(const DirectoryEntry&)>& entry) = 0;
    // Allocated extents of the file's content: logical offset in the file, and where it lies in the source. Ascending,
    // disjoint; empty for content kept inside the inode.
    struct FileExtent {
        uint64_t logical = 0;
        Range range;
        bool sparse = false; // no blocks, or not yet written: reads as zeros
    };
    virtual std::vector<FileExtent> extents(uint64_t inode) = 0;
    // Fills `into` from `offset` of the file; returns how much exists. Throws rather than give less than the file has.
    virtual size_t read(uint64_t inode, uint64_t offset, std::span<std::byte> into) = 0;
    // Deleted files that no directory names any more. named(inode) tells what the caller's walk has met.
    virtual void orphans(const std::function<bool(uint64_t)>& named,
                         const std::function<void(const DirectoryEntry&)>& entry) = 0;
    // Ranges of the source that could not be read, and so read as zeros, since this was last asked.
    virtual std::vector<Bad> take_unreadable() = 0;
};

// Tries each reader of the table on source's `range`; null when none knows it. The source must allow concurrent reads
// (see cached_source.h) and outlive the file system.
std::unique_ptr<FileSystem> open_file_system(BlockSource& source, Range range, std::stop_token stop);

// What else lies there, by its signature: "LUKS encrypted volume", "XFS" …; empty when nothing is known.
std::string recognise_content(BlockSource& source, Range range, std::stop_token stop);

} // namespace kanshiki
