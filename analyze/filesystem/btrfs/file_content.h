#pragma once
// What is in a file: its EXTENT_DATA items, resolved.

#include "analyze/filesystem/btrfs/commits.h"
#include "analyze/filesystem/btrfs/data_reader.h"

namespace kanshiki::btrfs {

class FileContent {
public:
    FileContent(const Superblock& super, const ChunkMap& chunks, TreeReader& trees, DataReader& data,
                Warnings& warnings)
        : super_(super), chunks_(chunks), trees_(trees), data_(data), warnings_(warnings) {}

    struct File {
        const Tree& tree;
        const Tree* checksums = nullptr; // null: none are to be had
        uint64_t objectid = 0, size = 0;
        std::string whose; // for messages
    };
    // `start`: where the volume begins in the source.
    std::vector<FileSystem::FileExtent> extents(const File& file, uint64_t start);
    // Fills `into`, which lies inside the file, from its `offset`; returns how many sectors had no right checksum.
    uint64_t read(const File& file, uint64_t offset, std::span<std::byte> into);

private:
    using Visit = std::function<void(const FileExtentItem&)>;
    void scan(const File& file, uint64_t from, uint64_t end, const Visit& visit);
    uint64_t read_plain(const File& file, uint64_t address, std::span<std::byte> into);
    uint64_t read_encoded(const File& file, const FileExtentItem& extent, uint64_t at, std::span<std::byte> into);
    void decode(const File& file, const FileExtentItem& extent, std::span<const std::byte> bytes);

    const Superblock& super_;
    const ChunkMap& chunks_;
    TreeReader& trees_;
    DataReader& data_;
    Warnings& warnings_;
    // What was decoded last, and of which extent: files are read in smaller steps than they are compressed in.
    struct {
        uint64_t address = 0, disk_size = 0, decoded = 0;
        Compression compression = Compression::none;
        bool checked = false;
        std::vector<std::byte> bytes;
    } last_;
};

} // namespace kanshiki::btrfs
