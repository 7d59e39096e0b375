#pragma once
// Byte reads inside one volume through a small cache of aligned blocks; one per file system object, so not thread-safe.

#include "kanshiki/block_source.h"

#include <memory>
#include <unordered_map>

namespace kanshiki {

class VolumeReader {
public:
    // volume is cut to what the source has.
    VolumeReader(BlockSource& source, Range volume, std::stop_token stop);

    uint64_t size() const { return volume_.size; }
    Range volume() const { return volume_; }

    // Fills all of `into` from `offset` of the volume, or throws Error{never_valid} when that lies beyond its end.
    // note: whether take_unreadable() is to tell of what could not be read here.
    void read(uint64_t offset, std::span<std::byte> into, bool note = true);
    // Without copying: where they lie in the cache, good until the next call of any kind; for what lies within one
    // aligned 64 KiB, as every power of two up to that does at its own multiples.
    std::span<const std::byte> view(uint64_t offset, size_t size);
    // The same past the cache: for file contents, which are read once.
    void read_through(uint64_t offset, std::span<std::byte> into);

    // Unreadable ranges (source offsets) met since last asked, each told once per cached block.
    std::vector<Bad> take_unreadable();

private:
    struct Block {
        uint64_t index = ~uint64_t{0};
        uint64_t used = 0;
        size_t size = 0;
        std::unique_ptr<std::byte[]> bytes;
        std::vector<Bad> bad;
    };
    void check(uint64_t offset, size_t size) const;
    void remember(const std::vector<Bad>& bad, uint64_t offset, size_t size);
    Block& block(uint64_t index);
    std::span<const std::byte> part(uint64_t offset, size_t size, bool note);

    BlockSource& source_;
    Range volume_;
    std::stop_token stop_;
    std::vector<Block> blocks_;
    std::unordered_map<uint64_t, size_t> slots_;
    Block* last_ = nullptr;
    uint64_t clock_ = 0;
    std::vector<Bad> unreadable_;
};

} // namespace kanshiki
