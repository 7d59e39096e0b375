#pragma once
// Sectors of file data by their logical address, compared with the checksum tree; a sector that fails is looked for in
// the other copies.

#include "analyze/filesystem/btrfs/tree_reader.h"

namespace kanshiki::btrfs {

class DataReader {
public:
    DataReader(VolumeReader& reader, const Superblock& super, const ChunkMap& chunks, TreeReader& trees,
               Warnings& warnings)
        : reader_(reader), super_(super), chunks_(chunks), trees_(trees), warnings_(warnings) {}

    // `logical` and the size of `into` are whole sectors. checksums: null for data that has none. whose: for messages.
    // Returns how many sectors have no right checksum; they are given as they are, and told as a warning.
    uint64_t read(const Tree* checksums, const std::string& whose, uint64_t logical, std::span<std::byte> into);
    std::vector<Bad> take_unreadable();
    void give_unreadable(const std::vector<Bad>& bad) { unreadable_.insert(unreadable_.end(), bad.begin(), bad.end()); }

private:
    struct Sums;
    uint64_t read_piece(const Tree* checksums, const std::string& whose, uint64_t logical, const Place& place,
                        std::span<std::byte> into);
    Sums fetch(const Tree& checksums, uint64_t logical, uint64_t count);
    bool recover(const Sums& sums, uint64_t index, const Place& place, std::span<std::byte> sector,
                 std::vector<Bad>& bad);

    VolumeReader& reader_;
    const Superblock& super_;
    const ChunkMap& chunks_;
    TreeReader& trees_;
    Warnings& warnings_;
    std::vector<Bad> unreadable_;
};

} // namespace kanshiki::btrfs
