#pragma once
// The bytes of an E01 (Expert Witness Compression Format, version 1): section descriptors, volume, table, error table,
// digests. docs/formats/e01.md says which of them we write where. All numbers are little-endian; all checksums are
// Adler-32.

#include "kanshiki/range.h"

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kanshiki::ewf {

inline constexpr size_t file_header_size = 13, section_size = 76, volume_size = 1052;
inline constexpr uint32_t piece_size = 32 * 1024;      // what we write; others are read
inline constexpr uint32_t compressed_bit = 0x80000000; // of a table entry
inline constexpr uint32_t largest_table = 65534;       // entries; as EnCase 6 and libewf bound it

using Bytes = std::vector<std::byte>;

uint32_t adler32(std::span<const std::byte> bytes);

Bytes file_header(uint16_t segment);
std::optional<uint16_t> parse_file_header(std::span<const std::byte> bytes); // the segment's number, from 1

struct Section {
    std::string type;  // "sectors", "table" …
    uint64_t next = 0; // offset of the next descriptor in the file; its own: there is none
    uint64_t size = 0; // with the descriptor; may be 0 in the last of a file
};
Bytes render(const Section& section);
std::optional<Section> parse_section(std::span<const std::byte> bytes); // nothing if the checksum is wrong

struct Volume {
    uint32_t pieces = 0, sectors_per_piece = 0, bytes_per_sector = 0;
    uint64_t sectors = 0;
    std::array<std::byte, 16> set_id{};

    uint64_t piece() const { return uint64_t{sectors_per_piece} * bytes_per_sector; } // bytes
    uint64_t size() const { return sectors * bytes_per_sector; }
};
// How we describe an image: in its own sectors where they fit, else in bytes.
Volume describe_volume(uint64_t size, uint32_t logical_sector);
Bytes render(const Volume& volume); // of a fixed, physical disk; compression: fast
// Nothing for a wrong checksum. What it says is not judged.
std::optional<Volume> parse_volume(std::span<const std::byte> bytes);

struct Table {
    uint64_t base = 0; // offset in the file that the entries count from
    std::vector<uint32_t> entries;
    bool operator==(const Table&) const = default;
};
Bytes render(const Table& table);
inline constexpr size_t table_size(size_t entries) { return 24 + 4 * entries + 4; }
std::optional<Table> parse_table(std::span<const std::byte> bytes);

// Ranges of sectors that could not be read when the image was made.
Bytes render_errors(std::span<const Range> sectors);
std::optional<std::vector<Range>> parse_errors(std::span<const std::byte> bytes);

Bytes render_hash(std::span<const std::byte> md5);
Bytes render_digest(std::span<const std::byte> md5, std::span<const std::byte> sha1);
// Checks the checksum at the end of either, and gives what lies before it.
std::optional<std::span<const std::byte>> checked(std::span<const std::byte> bytes, size_t size);

} // namespace kanshiki::ewf
