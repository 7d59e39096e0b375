#pragma once
// A file's content from its first byte to its last, in pieces.

#include "kanshiki/triage.h"

#include <span>

namespace kanshiki {

struct UnreadablePiece {
    std::string place; // what could not be read, and so is zeros: FileSystem::place
    Range of_file;     // where that is in the file; of compressed content the piece that it spoils
    int error = 0;
};

struct ContentResult {
    uint64_t size = 0; // bytes given
    std::vector<UnreadablePiece> unreadable;
    std::string failure; // not empty: the content ends at `size`, and why
    bool whole() const { return unreadable.empty() && failure.empty(); }
};

// Memory that is kept from one file to the next, by one thread.
using ContentBuffer = std::vector<std::byte>;

// Calls piece(offset, bytes) in ascending order. Only what ends the run is thrown.
ContentResult read_content(FileSystem& files, uint64_t handle, uint64_t size, ContentBuffer& buffer,
                           const std::function<void(uint64_t, std::span<const std::byte>)>& piece,
                           const std::stop_token& stop);

// Empty, or why content of such a size is not read on a volume of that size: a file cannot hold so much, and reading
// holes of 2^63 bytes would not end.
std::string too_large(const FileSystem& files, uint64_t size);

// Whether there is an inode that could be read and still is this file's: that of a deleted name may have been used
// again. (The root's handle may be 0, as on ISO.)
inline bool has_own_content(const ListedFile& file) {
    return file.known && (file.handle != 0 || file.path == "/") && !(file.deleted && file.info.allocated);
}

// One line each, for the ledger.
std::string where_text(const UnreadablePiece& piece);
std::string why_text(const UnreadablePiece& piece);

} // namespace kanshiki
