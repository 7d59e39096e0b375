#pragma once
// Logical addresses to places on this device: the chunk items ("CHUNK_ITEM", and the superblock's sys_chunk_array).

#include "analyze/filesystem/btrfs/key.h"
#include "kanshiki/range.h"

#include <map>
#include <span>
#include <vector>

namespace kanshiki::btrfs {

// The longest part from a logical address on that lies in one piece, in each copy of it.
struct Place {
    uint64_t size = 0;
    std::vector<uint64_t> copies; // offsets on this device; empty: all lie on devices that are not here
    std::vector<uint64_t> absent; // the devices of the other copies
};

class ChunkMap {
public:
    explicit ChunkMap(uint64_t device) : device_(device) {}
    // key.offset is the chunk's logical address. A chunk that is known already is replaced. Throws Error{never_valid}.
    void add(const Key& key, std::span<const std::byte> item);
    void add_array(std::span<const std::byte> array); // of the superblock: keys and items
    // size: of Place::size at most; throws Error{never_valid} where no chunk has that address.
    Place place(uint64_t logical, uint64_t size) const;
    std::vector<Range> chunks() const;         // logical, ascending, disjoint
    std::vector<Range> on_this_device() const; // what chunks take of it; in no order
    bool has_absent_parts() const { return absent_parts_; }

private:
    struct Stripe {
        uint64_t device = 0, offset = 0;
    };
    struct Chunk {
        uint64_t size = 0, stripe_size = 0, profile = 0;
        uint16_t sub_stripes = 0;
        std::vector<Stripe> stripes;
        uint64_t columns() const; // how many stripes lie side by side with different content
    };
    void give(const Chunk& chunk, size_t first, size_t count, uint64_t at, Place& out) const;

    const uint64_t device_;
    std::map<uint64_t, Chunk> chunks_;
    bool absent_parts_ = false;
};

} // namespace kanshiki::btrfs
