#include "analyze/filesystem/btrfs/superblock.h"

#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/uuid.h"

#include <algorithm>
#include <bit>

namespace kanshiki::btrfs {
namespace {

constexpr size_t checksum_field = 32; // every checksum of a structure covers what follows these bytes
constexpr size_t chunk_array_at = 0x32b, chunk_array_limit = 2048, backups_at = 0xb2b, backup_size = 168;

[[noreturn]] void invalid(const std::string& why) { throw Error(ExitCode::never_valid, "btrfs superblock: " + why); }

RootBackup parse_backup(std::span<const std::byte> bytes) {
    RootBackup out;
    out.tree_root = {le64(bytes, 0), le64(bytes, 8), static_cast<uint8_t>(bytes[152])};
    out.csum_root = {le64(bytes, 80), le64(bytes, 88), static_cast<uint8_t>(bytes[157])};
    return out;
}

std::string text_until_nul(std::span<const std::byte> bytes) {
    const auto end = std::find(bytes.begin(), bytes.end(), std::byte{0});
    return {reinterpret_cast<const char*>(bytes.data()), static_cast<size_t>(end - bytes.begin())};
}

struct Copy {
    uint64_t place = 0;
    std::vector<std::byte> bytes;
    bool holds = false;
    uint64_t generation() const { return le64(bytes, 0x48); }
    std::string where() const { return "the superblock at byte " + std::to_string(place); }
};

// A copy that names another place as its own is another file system's, left over.
std::vector<Copy> read_copies(VolumeReader& reader) {
    std::vector<Copy> out;
    for (const uint64_t place : superblock_places) {
        if (reader.size() < superblock_size || place > reader.size() - superblock_size) break;
        Copy copy{place, std::vector<std::byte>(superblock_size), false};
        reader.read(place, copy.bytes);
        if (!has_superblock_magic(copy.bytes) || le64(copy.bytes, 0x30) != place) continue;
        copy.holds = superblock_holds(copy.bytes);
        out.push_back(std::move(copy));
    }
    return out;
}

} // namespace

bool has_superblock_magic(std::span<const std::byte> bytes) {
    constexpr std::string_view magic = "_BHRfS_M";
    return bytes.size() >= superblock_size &&
           std::ranges::equal(std::as_bytes(std::span(magic)), bytes.subspan(0x40, 8));
}

bool superblock_holds(std::span<const std::byte> bytes) {
    const auto type = static_cast<ChecksumType>(le16(bytes, 0xc4));
    return known(type) && checksum_holds(type, bytes.first(superblock_size).subspan(checksum_field), bytes);
}

Superblock parse_superblock(std::span<const std::byte> bytes) {
    if (!has_superblock_magic(bytes)) invalid("no magic _BHRfS_M");
    Superblock super;
    std::ranges::copy(bytes.subspan(0x20, 16), super.fsid.begin());
    super.place = le64(bytes, 0x30);
    super.generation = le64(bytes, 0x48);
    super.root = {le64(bytes, 0x50), super.generation, static_cast<uint8_t>(bytes[0xc6])};
    super.chunk_root = {le64(bytes, 0x58), le64(bytes, 0xa4), static_cast<uint8_t>(bytes[0xc7])};
    // "log_root_transid" is unused; a log is always of the transaction after the one committed.
    super.log_root = {le64(bytes, 0x60), super.generation + 1, static_cast<uint8_t>(bytes[0xc8])};
    super.total_bytes = le64(bytes, 0x70);
    super.device_count = le64(bytes, 0x88);
    super.sector_size = le32(bytes, 0x90);
    super.node_size = le32(bytes, 0x94);
    super.read_only = le64(bytes, 0xb4);
    super.incompatible = le64(bytes, 0xbc);
    super.checksum = static_cast<ChecksumType>(le16(bytes, 0xc4));
    super.device = le64(bytes, 0xc9);
    super.device_bytes = le64(bytes, 0xd1);
    super.label = text_until_nul(bytes.subspan(0x12b, 256));
    super.uuid = uuid_text(super.fsid);
    std::ranges::copy(super.incompatible & incompatible::metadata_uuid ? bytes.subspan(0x23b, 16)
                                                                       : bytes.subspan(0x20, 16),
                      super.node_fsid.begin());
    for (size_t index = 0; index < super.backups.size(); index++)
        super.backups[index] = parse_backup(bytes.subspan(backups_at + index * backup_size, backup_size));

    if (super.sector_size < 512 || super.sector_size > 65536 || !std::has_single_bit(super.sector_size))
        invalid("sector size " + std::to_string(super.sector_size));
    if (super.node_size < 4096 || super.node_size > 65536 || !std::has_single_bit(super.node_size))
        invalid("node size " + std::to_string(super.node_size));
    if (!known(super.checksum))
        invalid("checksum type " + std::to_string(static_cast<unsigned>(super.checksum)) + " is not known");
    const uint32_t array = le32(bytes, 0xa0);
    if (array > chunk_array_limit) invalid("a system chunk array of " + std::to_string(array) + " bytes");
    const auto chunks = bytes.subspan(chunk_array_at, array);
    super.chunk_array.assign(chunks.begin(), chunks.end());
    return super;
}

std::optional<Superblock> find_superblock(VolumeReader& reader, bool by_mirror, std::vector<std::string>& notices) {
    const std::vector<Copy> copies = read_copies(reader);
    if (copies.empty()) return {};
    const bool first_is_there = copies.front().place == superblock_places[0];
    if (first_is_there == by_mirror) return {};
    const Copy* best = nullptr;
    for (const Copy& copy : copies) {
        // A mirror of another file system than the first copy's is left over from before mkfs.
        const bool same = std::ranges::equal(std::span(copy.bytes).subspan(0x20, 16),
                                             std::span(copies.front().bytes).subspan(0x20, 16));
        if (!copy.holds)
            notices.push_back(copy.where() + " has a wrong checksum");
        else if (!same && copies.front().holds)
            notices.push_back(copy.where() + " is of another file system");
        else if (best == nullptr || copy.generation() > best->generation())
            best = &copy;
    }
    if (!first_is_there) notices.push_back("there is no superblock at byte " + std::to_string(superblock_places[0]));
    if (best == nullptr) {
        best = &copies.front();
        notices.push_back(best->where() + " is used all the same: no copy has a right one");
    } else if (best->place != superblock_places[0]) {
        notices.push_back(best->where() + ", of generation " + std::to_string(best->generation()) + ", is used");
    }
    return parse_superblock(best->bytes);
}

} // namespace kanshiki::btrfs
