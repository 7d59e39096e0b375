#pragma once
// A block device or regular file that was opened for reading: how its bytes and holes are had. Used on this machine
// and, in the agent, beside the volume.

#include "acquire/block/file_descriptor.h"
#include "kanshiki/block_source.h"

#include <chrono>

namespace kanshiki {

struct OpenedFile {
    std::string name; // for messages
    FileDescriptor plain;
    FileDescriptor direct; // past the page cache; may be missing
    bool device = false;
    // A file: what lies in the cache is taken from there, the rest past it (the kernel's read-ahead would ask a slow
    // store for little at a time). Not for a device, which is read as it is on the medium, nor on a far side, where a
    // copy from the cache costs processor (docs/performance.md).
    bool from_cache = false;
    uint64_t size = 0;
    uint32_t logical_sector = 512;
    unsigned retries = 1; // of an unreadable sector
    std::chrono::steady_clock::duration patience = std::chrono::steady_clock::duration::max(); // with one failed read

    // As BlockSource has them: any thread, any offset. Throws Error{source_lost} when the whole source went away.
    void read(Read& read, std::stop_token stop) const;
    // At most so many, of the beginning of `within`.
    std::vector<Extent> extents(Range within, size_t most = SIZE_MAX) const;

private:
    ssize_t read_past_the_cache(uint64_t offset, std::span<std::byte> into) const;
    size_t read_cached(uint64_t offset, std::span<std::byte> into) const;
    void read_around_the_bad(Read& read, std::stop_token stop) const;
    int read_piece(uint64_t offset, std::span<std::byte> into) const;
    void must_be_there(int error) const;
};

} // namespace kanshiki
