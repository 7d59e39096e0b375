#pragma once
// IMAGE.chunks: the leaves. 32 bytes per chunk, in order, nothing else (docs/formats/chunks.md): the SHA-256 of each
// 512 KiB of the image; the last chunk may be short and is not padded. Its size alone gives the number of chunks.

#include "kanshiki/digest.h"

#include <filesystem>

namespace kanshiki {

// Appends durably. One thread. Throws Error{destination}; after that sync() may be tried again.
class ChunkListWriter {
public:
    // keep: how many leaves of an existing list to keep (0: a new file); what lies beyond is cut off. Error{altered}
    // when the list is shorter than that. The file is 0600 until seal_file (manifest.h).
    ChunkListWriter(const std::filesystem::path& path, uint64_t keep);
    ~ChunkListWriter();
    ChunkListWriter(const ChunkListWriter&) = delete;
    ChunkListWriter& operator=(const ChunkListWriter&) = delete;
    void append(const Digest& leaf, uint64_t count); // buffered
    void reserve(uint64_t leaves);          // room on the disk for as many in all; Error{destination} if there is none
    void sync();                            // written and fdatasync'd
    uint64_t size() const { return size_; } // leaves appended in all

private:
    void flush();
    std::filesystem::path path_;
    int fd_ = -1;
    std::vector<std::byte> buffer_;
    uint64_t size_ = 0;
    uint64_t written_ = 0; // bytes of the file that hold leaves
};

// Random access over a list; pages of it are read as needed (1 TiB has 64 MiB of leaves). Not thread-safe.
class ChunkListReader {
public:
    explicit ChunkListReader(const std::filesystem::path& path); // Error{never_valid} if its size is no multiple of 32
    ~ChunkListReader();
    ChunkListReader(const ChunkListReader&) = delete;
    ChunkListReader& operator=(const ChunkListReader&) = delete;
    uint64_t size() const { return size_; }
    Digest operator[](uint64_t index); // Error{altered} beyond the end, or when the file has become shorter

private:
    std::filesystem::path path_;
    int fd_ = -1;
    uint64_t size_ = 0;
    uint64_t page_ = ~uint64_t{0};
    std::vector<std::byte> buffer_;
};

} // namespace kanshiki
