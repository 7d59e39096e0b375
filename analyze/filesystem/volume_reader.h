#pragma once
// Byte reads inside one volume through a small cache of aligned blocks; one per file system object, so not
// thread-safe.

#include "kanshiki/block_source.h"

#include <array>
#include <memory>

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
    static constexpr uint64_t nothing = ~uint64_t{0};
    static constexpr size_t slots = 32; // of 64 KiB; behind it the source has a larger cache for all
    struct Block {
        size_t size = 0;
        std::unique_ptr<std::byte[]> bytes;
        std::vector<Bad> bad;
    };
    void check(uint64_t offset, size_t size) const;
    void remember(const std::vector<Bad>& bad, uint64_t offset, size_t size);
    Block& block(uint64_t index);
    size_t oldest() const;
    void fill(size_t slot, uint64_t index);
    std::span<const std::byte> part(uint64_t offset, size_t size, bool note);

    BlockSource& source_;
    Range volume_;
    std::stop_token stop_;
    std::array<uint64_t, slots> indices_; // which block lies where; apart from the blocks, to be searched fast
    std::array<uint64_t, slots> used_{};  // by the clock
    std::array<Block, slots> blocks_;
    size_t last_ = 0;
    uint64_t clock_ = 0;
    std::vector<Bad> unreadable_;
};

} // namespace kanshiki
