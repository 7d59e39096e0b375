#pragma once
// One file system on one range of a source. A reader is one folder and one line in the table of
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
    bool allocated = true;         // the inode itself
    uint32_t attributes = 0;       // bits of Attribute
    uint64_t flags = 0;            // the inode's flags as this file system stores them, in its own numbering
    uint32_t major = 0, minor = 0; // of a character or block device
    std::string symlink_target;    // bytes as stored
};

// Inode flags that mean the same everywhere, numbered as statx(2) does.
enum Attribute : uint32_t {
    attribute_compressed = 0x4,
    attribute_immutable = 0x10,
    attribute_append = 0x20,
    attribute_nodump = 0x40,
    attribute_encrypted = 0x800,
    attribute_verity = 0x100000,
};

// How sure it is that a deleted name belonged to that inode and that what the inode says is still of that file.
enum class Certainty : uint8_t {
    certain,  // nothing contradicts it and a second structure agrees, or the entry is not deleted
    likely,   // nothing contradicts it
    possible, // pieced together from what was left over; parts may be of another file
};

// An extended attribute, as getxattr(2) gives it to root: full name ("security.capability"), value in the kernel's form
// (ACLs too).
struct Xattr {
    std::string name;
    std::string value; // bytes
};

struct DirectoryEntry {
    std::string name;   // bytes as stored: may hold anything but '/' and NUL; never "." or ".."
    uint64_t inode = 0; // what list(), stat() and read() take: an opaque number; 0: the name points nowhere
    FileType type = FileType::unknown;
    bool deleted = false; // the name is unallocated: its inode may have been used again
    Certainty certainty = Certainty::certain;
};

struct FileSystemInfo {
    std::string type; // "ext4", "ntfs", "fat32" …
    std::string label, uuid;
    uint32_t block_size = 0;
    Range range;                      // in the source
    std::vector<std::string> notices; // what a reader of the report must know: features that are not understood, a log
                                      // that was not replayed, checksums of the superblock that are wrong …
};

// Not thread-safe: one object per worker over a shared, thread-safe source. What cannot be read throws
// Error{never_valid} that names the inode; unreadable blocks read as zeros and are told by take_unreadable(). Wrong
// checksums are told by take_warnings() and end nothing.
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
        // Not 0: `range` holds so many bytes of the content in another form (compressed), and its bytes are not they.
        uint64_t encoded = 0;
        uint64_t length() const { return encoded != 0 ? encoded : range.size; } // in the file
    };
    virtual std::vector<FileExtent> extents(uint64_t inode) = 0;
    // Fills `into` from `offset` of the file; returns how much exists. Throws rather than give less than the file has.
    virtual size_t read(uint64_t inode, uint64_t offset, std::span<std::byte> into) = 0;
    // Every extended attribute, in the order of storage.
    virtual void xattrs(uint64_t inode, const std::function<void(const Xattr&)>& attribute) = 0;
    // What the file system says nobody owns: ranges of the source, ascending, disjoint.
    virtual void free_space(const std::function<void(const Range&)>& range) = 0;
    // Deleted files that no directory names any more. named(inode) tells what the caller's walk has met.
    virtual void orphans(const std::function<bool(uint64_t)>& named,
                         const std::function<void(const DirectoryEntry&)>& entry) = 0;
    // Ranges of the source that could not be read, and so read as zeros, since this was last asked.
    virtual std::vector<Bad> take_unreadable() = 0;
    // Wrong checksums and contradictions met since this was last asked: one line each, with the place.
    virtual std::vector<std::string> take_warnings() { return {}; }

    // Where a range that this file system tells lies, for people: "source bytes 512 to 1023"; on a volume with bytes of
    // its own "bytes 512 to 1023 of rocky/root (source bytes …)". Thread-safe.
    std::string place(const Range& range) const;
    void tell_places(std::function<std::string(const Range&)> place) { place_ = std::move(place); }

private:
    std::function<std::string(const Range&)> place_; // empty: ranges are of the source
};

// Tries each reader of the table on source's `range`; null when none knows it. The source must allow concurrent reads
// (see cached_source.h) and outlive the file system.
std::unique_ptr<FileSystem> open_file_system(BlockSource& source, Range range, std::stop_token stop);
// The same on a volume of source's table (volume.h): where a logical volume keeps its bytes is its own business.
struct Volume;
std::unique_ptr<FileSystem> open_volume(BlockSource& source, const Volume& volume, std::stop_token stop);

// What else lies there, by its signature: "LUKS encrypted volume", "XFS" …; empty when nothing is known.
std::string recognise_content(BlockSource& source, Range range, std::stop_token stop);

} // namespace kanshiki
