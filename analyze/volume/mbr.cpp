// The PC partition table: four entries at byte 446, and chains of extended boot records.

#include "analyze/filesystem/bytes.h"
#include "analyze/volume/partition.h"

#include <algorithm>
#include <set>

namespace kanshiki::volume {
namespace {

constexpr size_t table_offset = 446, entry_size = 16, signature_offset = 510;
constexpr unsigned most_logical = 256;
constexpr uint8_t gpt_protective = 0xee;

struct Entry {
    uint8_t status = 0, type = 0;
    uint64_t first = 0, count = 0;
    bool empty() const { return type == 0 || count == 0; }
    bool extended() const { return type == 0x05 || type == 0x0f || type == 0x85; }
};

Entry entry_at(std::span<const std::byte> sector, size_t index) {
    const auto bytes = sector.subspan(table_offset + index * entry_size, entry_size);
    return {static_cast<uint8_t>(bytes[0]), static_cast<uint8_t>(bytes[4]), le32(bytes, 8), le32(bytes, 12)};
}

std::string describe(uint8_t type) {
    static constexpr struct {
        uint8_t type;
        const char* name;
    } names[] = {{0x01, "FAT12"},      {0x04, "FAT16"},      {0x06, "FAT16"},     {0x07, "NTFS or exFAT"},
                 {0x0b, "FAT32"},      {0x0c, "FAT32"},      {0x0e, "FAT16"},     {0x27, "Windows recovery"},
                 {0x82, "Linux swap"}, {0x83, "Linux"},      {0x8e, "Linux LVM"}, {0xa5, "FreeBSD"},
                 {0xa6, "OpenBSD"},    {0xa8, "macOS UFS"},  {0xa9, "NetBSD"},    {0xaf, "HFS"},
                 {0xbf, "Solaris"},    {0xef, "EFI system"}, {0xfd, "Linux RAID"}};
    char hex[8];
    snprintf(hex, sizeof hex, "0x%02x", type);
    for (const auto& each : names)
        if (each.type == type) return std::string(each.name) + " (" + hex + ")";
    return std::string("type ") + hex;
}

bool signed_sector(std::span<const std::byte> sector) { return le16(sector, signature_offset) == 0xaa55; }

// The chain: each extended boot record names one logical partition, relative to itself, and the next record, relative
// to the extended partition.
void read_logical(const Disk& disk, const Entry& extended, unsigned& number, Table& table) {
    std::set<uint64_t> seen;
    uint64_t at = extended.first;
    const std::string name = "extended partition at sector " + std::to_string(extended.first);
    while (true) {
        if (!seen.insert(at).second) return table.notices.push_back(name + ": its chain runs in a circle");
        if (seen.size() > most_logical)
            return table.notices.push_back(name + ": more than 256 logical partitions; the rest is left out");
        std::vector<std::byte> sector(512);
        if (disk.size < sector.size() || at > (disk.size - sector.size()) / disk.sector)
            return table.notices.push_back(name + ": its chain leaves the disk at sector " + std::to_string(at));
        disk.read(at * disk.sector, sector);
        if (!signed_sector(sector))
            return table.notices.push_back(name + ": no boot record signature at sector " + std::to_string(at));
        const Entry logical = entry_at(sector, 0), next = entry_at(sector, 1);
        if (!logical.empty() && !logical.extended())
            table.partitions.push_back({number++, at + logical.first, logical.count, describe(logical.type)});
        if (next.empty() || !next.extended()) return;
        at = extended.first + next.first;
    }
}

} // namespace

std::optional<MasterBootRecord> read_mbr(const Disk& disk) {
    std::vector<std::byte> sector(512);
    if (disk.size < sector.size()) return std::nullopt;
    disk.read(0, sector);
    if (!signed_sector(sector)) return std::nullopt;
    MasterBootRecord result;
    result.table.scheme = "mbr";
    result.table.sector = disk.sector;
    unsigned logical = 5; // as Linux counts
    for (unsigned index = 0; index < 4; index++) {
        const Entry entry = entry_at(sector, index);
        if (entry.status != 0 && entry.status != 0x80) return std::nullopt; // code, not a table
        if (entry.empty()) continue;
        if (entry.type == gpt_protective)
            result.protective = true;
        else if (entry.extended())
            read_logical(disk, entry, logical, result.table);
        else
            result.table.partitions.push_back({index + 1, entry.first, entry.count, describe(entry.type)});
    }
    if (result.table.partitions.empty() && result.table.notices.empty() && !result.protective) return std::nullopt;
    std::ranges::stable_sort(result.table.partitions, {}, &Partition::number);
    return result;
}

} // namespace kanshiki::volume
