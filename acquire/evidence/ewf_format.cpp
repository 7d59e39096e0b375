#include "acquire/evidence/ewf_format.h"

#include <algorithm>
#include <cstring>
#include <libdeflate.h>

namespace kanshiki::ewf {
namespace {

constexpr std::array<unsigned char, 8> signature{'E', 'V', 'F', 0x09, 0x0d, 0x0a, 0xff, 0x00};
constexpr size_t hash_size = 36, digest_size = 80, error_header = 520;

// Where a field lies is part of the format: bytes are put at offsets.
template<class Number>
void put(Bytes& out, size_t at, Number value) {
    for (size_t i = 0; i < sizeof(Number); ++i) out[at + i] = static_cast<std::byte>(value >> 8 * i);
}

template<class Number>
Number get(std::span<const std::byte> bytes, size_t at) {
    Number value = 0;
    for (size_t i = 0; i < sizeof(Number); ++i)
        value |= static_cast<Number>(static_cast<Number>(std::to_integer<unsigned char>(bytes[at + i])) << 8 * i);
    return value;
}

void put_checksum(Bytes& out, size_t at, size_t from = 0) {
    put<uint32_t>(out, at, adler32(std::span(out).subspan(from, at - from)));
}

bool right(std::span<const std::byte> bytes, size_t at, size_t from = 0) {
    return get<uint32_t>(bytes, at) == adler32(bytes.subspan(from, at - from));
}

} // namespace

uint32_t adler32(std::span<const std::byte> bytes) { return libdeflate_adler32(1, bytes.data(), bytes.size()); }

Bytes file_header(uint16_t segment) {
    Bytes out(file_header_size);
    std::memcpy(out.data(), signature.data(), signature.size());
    out[8] = std::byte{1};
    put<uint16_t>(out, 9, segment);
    return out;
}

std::optional<uint16_t> parse_file_header(std::span<const std::byte> bytes) {
    if (bytes.size() < file_header_size || std::memcmp(bytes.data(), signature.data(), signature.size()) != 0 ||
        bytes[8] != std::byte{1} || get<uint16_t>(bytes, 11) != 0)
        return {};
    return get<uint16_t>(bytes, 9);
}

Bytes render(const Section& section) {
    Bytes out(section_size);
    std::memcpy(out.data(), section.type.data(), std::min<size_t>(section.type.size(), 16));
    put<uint64_t>(out, 16, section.next);
    put<uint64_t>(out, 24, section.size);
    put_checksum(out, 72);
    return out;
}

std::optional<Section> parse_section(std::span<const std::byte> bytes) {
    if (bytes.size() < section_size || !right(bytes, 72)) return {};
    const char* type = reinterpret_cast<const char*>(bytes.data());
    return Section{std::string(type, ::strnlen(type, 16)), get<uint64_t>(bytes, 16), get<uint64_t>(bytes, 24)};
}

Volume describe_volume(uint64_t size, uint32_t logical_sector) {
    Volume out;
    out.bytes_per_sector = logical_sector;
    if (logical_sector == 0 || piece_size % logical_sector != 0 || size % logical_sector != 0)
        out.bytes_per_sector = size % 512 == 0 ? 512 : 1;
    out.sectors_per_piece = piece_size / out.bytes_per_sector;
    out.sectors = size / out.bytes_per_sector;
    out.pieces = static_cast<uint32_t>((size + piece_size - 1) / piece_size);
    return out;
}

Bytes render(const Volume& volume) {
    Bytes out(volume_size);
    out[0] = std::byte{1}; // fixed disk
    put<uint32_t>(out, 4, volume.pieces);
    put<uint32_t>(out, 8, volume.sectors_per_piece);
    put<uint32_t>(out, 12, volume.bytes_per_sector);
    put<uint64_t>(out, 16, volume.sectors);
    out[36] = std::byte{3};                           // an image of a physical device
    out[52] = std::byte{1};                           // compression: fast
    put<uint32_t>(out, 56, volume.sectors_per_piece); // error granularity
    std::copy(volume.set_id.begin(), volume.set_id.end(), out.begin() + 64);
    put_checksum(out, volume_size - 4);
    return out;
}

std::optional<Volume> parse_volume(std::span<const std::byte> bytes) {
    if (bytes.size() < volume_size || !right(bytes, volume_size - 4)) return {};
    Volume out;
    out.pieces = get<uint32_t>(bytes, 4);
    out.sectors_per_piece = get<uint32_t>(bytes, 8);
    out.bytes_per_sector = get<uint32_t>(bytes, 12);
    out.sectors = get<uint64_t>(bytes, 16);
    std::copy_n(bytes.begin() + 64, 16, out.set_id.begin());
    return out;
}

Bytes render(const Table& table) {
    Bytes out(table_size(table.entries.size()));
    put<uint32_t>(out, 0, static_cast<uint32_t>(table.entries.size()));
    put<uint64_t>(out, 8, table.base);
    put_checksum(out, 20);
    for (size_t i = 0; i < table.entries.size(); ++i) put<uint32_t>(out, 24 + 4 * i, table.entries[i]);
    put_checksum(out, out.size() - 4, 24);
    return out;
}

std::optional<Table> parse_table(std::span<const std::byte> bytes) {
    if (bytes.size() < table_size(0) || !right(bytes, 20)) return {};
    const size_t count = get<uint32_t>(bytes, 0);
    if (count > largest_table || bytes.size() < table_size(count) || !right(bytes, 24 + 4 * count, 24)) return {};
    Table out{get<uint64_t>(bytes, 8), std::vector<uint32_t>(count)};
    for (size_t i = 0; i < count; ++i) out.entries[i] = get<uint32_t>(bytes, 24 + 4 * i);
    return out;
}

Bytes render_errors(std::span<const Range> sectors) {
    Bytes out(error_header + 8 * sectors.size() + 4);
    put<uint32_t>(out, 0, static_cast<uint32_t>(sectors.size()));
    put_checksum(out, error_header - 4);
    for (size_t i = 0; i < sectors.size(); ++i) {
        put<uint32_t>(out, error_header + 8 * i, static_cast<uint32_t>(sectors[i].offset));
        put<uint32_t>(out, error_header + 8 * i + 4, static_cast<uint32_t>(sectors[i].size));
    }
    put_checksum(out, out.size() - 4, error_header);
    return out;
}

std::optional<std::vector<Range>> parse_errors(std::span<const std::byte> bytes) {
    if (bytes.size() < error_header + 4 || !right(bytes, error_header - 4)) return {};
    const size_t count = get<uint32_t>(bytes, 0);
    if (count > (bytes.size() - error_header - 4) / 8 || !right(bytes, error_header + 8 * count, error_header))
        return {};
    std::vector<Range> out(count);
    for (size_t i = 0; i < count; ++i)
        out[i] = {get<uint32_t>(bytes, error_header + 8 * i), get<uint32_t>(bytes, error_header + 8 * i + 4)};
    return out;
}

Bytes render_hash(std::span<const std::byte> md5) {
    Bytes out(hash_size);
    std::copy_n(md5.begin(), 16, out.begin());
    put_checksum(out, hash_size - 4);
    return out;
}

Bytes render_digest(std::span<const std::byte> md5, std::span<const std::byte> sha1) {
    Bytes out(digest_size);
    std::copy_n(md5.begin(), 16, out.begin());
    std::copy_n(sha1.begin(), 20, out.begin() + 16);
    put_checksum(out, digest_size - 4);
    return out;
}

std::optional<std::span<const std::byte>> checked(std::span<const std::byte> bytes, size_t size) {
    if (bytes.size() < size || size < 4 || !right(bytes, size - 4)) return {};
    return bytes.first(size - 4);
}

} // namespace kanshiki::ewf
