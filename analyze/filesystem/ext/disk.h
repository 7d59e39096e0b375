#pragma once
// What all parts of the ext reader look through: the file system's blocks as the journal leaves them, group
// descriptors, bitmaps, the warnings met on the way.

#include "analyze/filesystem/ext/group.h"
#include "analyze/filesystem/ext/journal.h"
#include "analyze/filesystem/volume_reader.h"

#include <array>
#include <memory>
#include <unordered_set>

namespace kanshiki::ext {

class Disk {
public:
    // super: as parsed from the volume that reader reads.
    Disk(std::unique_ptr<VolumeReader> reader, Superblock super);

    const Superblock& super() const { return super_; }
    VolumeReader& reader() { return *reader_; }
    // From now on blocks that the journal holds newer are read there.
    void replay(std::shared_ptr<const Overlay> overlay);
    const Overlay& overlay() const { return *overlay_; }

    // One block, good until the next call. Throws Error{never_valid} beyond the file system or the volume.
    std::span<const std::byte> block(uint64_t number);
    // File content: `into` from `offset` of the volume, past the cache where it is long; whole range inside the volume.
    void read_content(uint64_t offset, std::span<std::byte> into);

    // How many groups there can be: as the superblock says, but no more than the volume has room for.
    uint64_t groups() const;
    const Group& group(uint64_t number);
    // Both throw where the number is none of this file system, or its group's tables lie nowhere.
    std::span<const std::byte> inode_bytes(uint64_t number);
    bool inode_used(uint64_t number);
    // Whether none of these blocks belongs to anybody.
    bool blocks_free(uint64_t first, uint64_t count);
    // The block bitmap of a group: a bit for each cluster.
    const std::vector<std::byte>& block_bitmap(uint64_t group);
    // Group whose inode table holds this block, and the first inode there; nothing when it is no such block.
    std::optional<uint64_t> first_inode_in(uint64_t block);

    void warn(std::string text);
    std::vector<std::string> take_warnings();

private:
    struct Bitmap {
        uint64_t group = ~uint64_t{0};
        std::vector<std::byte> bits;
    };
    struct DescriptorBlock {
        uint64_t index = ~uint64_t{0};
        std::vector<Group> groups;
    };
    const std::vector<std::byte>& inode_bitmap(uint64_t group);
    void uninitialised_block_bitmap(const Group& group, uint64_t number, std::vector<std::byte>& bits) const;
    std::span<const std::byte> block_in_place(uint64_t number);
    std::span<const std::byte> journal_block(const Overlay::Block& from);

    std::unique_ptr<VolumeReader> reader_;
    Superblock super_;
    std::shared_ptr<const Overlay> overlay_;
    std::array<DescriptorBlock, 64> descriptors_; // by index % 64
    std::array<Bitmap, 16> inode_bitmaps_;        // by group % 16
    std::array<Bitmap, 4> block_bitmaps_;
    std::vector<std::pair<uint64_t, uint64_t>> tables_; // first block of a group's inode table, group; ascending
    std::vector<std::byte> unescaped_;                  // the block of the journal that was read last
    std::vector<std::string> warnings_;
    std::unordered_set<std::string> warned_;
};

} // namespace kanshiki::ext
