#include "analyze/volume/read_partitions.h"

#include "analyze/volume/partition.h"
#include "kanshiki/error.h"
#include "kanshiki/file_system.h"

#include <algorithm>
#include <cstring>
#include <memory>

namespace kanshiki::volume {
namespace {

constexpr uint64_t smallest_gap = 64 * 1024; // less holds no file system

// A boot sector of a file system ends like an MBR; where entries would stand it has code or zeros.
bool boot_sector(const Disk& disk) {
    char bytes[512];
    if (disk.size < sizeof bytes) return false;
    disk.read(0, std::as_writable_bytes(std::span(bytes)));
    const auto has = [&](size_t at, std::string_view text) {
        return std::memcmp(bytes + at, text.data(), text.size()) == 0;
    };
    return has(3, "NTFS    ") || has(3, "EXFAT   ") || has(3, "-FVE-FS-") || has(54, "FAT") || has(82, "FAT");
}

std::optional<Table> find_gpt(Disk disk) {
    for (const uint32_t sector : {disk.sector, 512u, 4096u}) { // an image does not tell its disk's sector size
        disk.sector = sector;
        if (auto table = read_gpt(disk)) return table;
    }
    return std::nullopt;
}

// Which table counts, as Linux decides: a GPT needs a protective MBR, or no MBR at all.
std::optional<Table> find_table(BlockSource& source, const Disk& disk, const FileSystem* whole, std::stop_token stop) {
    auto mbr = read_mbr(disk);
    if (mbr && whole != nullptr && boot_sector(disk)) mbr.reset();
    auto gpt = find_gpt(disk);
    if (mbr && !mbr->protective) {
        if (gpt) mbr->table.notices.push_back("a GPT is there too, but the MBR does not announce it: the MBR is used");
        return std::move(mbr->table);
    }
    if (gpt) {
        if (!mbr)
            gpt->notices.push_back("the GPT has no protective MBR in front of it");
        else if (!mbr->table.partitions.empty()) {
            gpt->notices.push_back("the protective MBR has further partitions, which are not read");
        }
        if (mbr || whole == nullptr) return gpt;
        return std::nullopt; // left over in front of or behind a file system that covers the disk
    }
    if (mbr) {
        mbr->table.notices.push_back("the MBR announces a GPT, but none is there");
        return std::move(mbr->table);
    }
    return whole == nullptr ? read_other_tables(source, std::move(stop)) : std::nullopt;
}

// Sectors to bytes; what does not fit the source is cut or left out, and said.
void place(const Table& table, uint64_t size, VolumeTable& result) {
    for (const Partition& partition : table.partitions) {
        const std::string name = "partition " + std::to_string(partition.number);
        if (partition.first >= size / table.sector + (size % table.sector != 0)) {
            result.notices.push_back(name + " begins beyond the end of the source, at sector " +
                                     std::to_string(partition.first) + "; left out");
            continue;
        }
        const uint64_t offset = partition.first * table.sector, rest = size - offset;
        uint64_t length = rest;
        if (partition.count <= rest / table.sector)
            length = partition.count * table.sector;
        else
            result.notices.push_back(name + " ends beyond the end of the source; cut to " + std::to_string(rest) +
                                     " bytes");
        if (length == 0) continue;
        result.volumes.push_back({partition.number, {offset, length}, partition.description, true});
    }
}

void find_gaps(uint64_t size, VolumeTable& result) {
    std::vector<Volume> order = result.volumes;
    std::ranges::stable_sort(order, {}, [](const Volume& each) { return each.range.offset; });
    uint64_t covered = 0;
    const Volume* widest = nullptr; // whose end is `covered`
    for (const Volume& each : order) {
        if (widest != nullptr && each.range.offset < covered) {
            result.notices.push_back("partitions " + std::to_string(widest->number) + " and " +
                                     std::to_string(each.number) + " overlap");
        } else if (each.range.offset - covered >= smallest_gap) {
            result.volumes.push_back({0, {covered, each.range.offset - covered}, "not partitioned", false});
        }
        if (each.range.end() > covered) {
            covered = each.range.end();
            widest = &each;
        }
    }
    if (size - covered >= smallest_gap)
        result.volumes.push_back({0, {covered, size - covered}, "not partitioned", false});
}

} // namespace

Disk disk_of(BlockSource& source, Range range, std::stop_token stop) {
    Disk disk;
    disk.size = range.size;
    disk.sector = std::clamp<uint32_t>(source.info().logical_sector, 512, 4096);
    disk.read = [&source, range, stop = std::move(stop)](uint64_t offset, std::span<std::byte> into) {
        Read read;
        read.offset = range.offset + offset;
        read.into = into;
        source.read(read, stop);
        if (read.got != into.size()) throw Error(ExitCode::source_lost, "the source has become shorter than it was");
    };
    return disk;
}

VolumeTable read_partitions(BlockSource& source, std::stop_token stop) {
    const uint64_t size = source.info().size.value_or(0);
    const Disk disk = disk_of(source, {0, size}, stop);
    VolumeTable result;
    result.scheme = "none";
    const auto whole = open_file_system(source, {0, size}, stop);
    if (const auto table = find_table(source, disk, whole.get(), stop)) {
        result.scheme = table->scheme;
        result.notices = table->notices;
        place(*table, size, result);
        find_gaps(size, result);
        if (whole)
            result.notices.push_back("a file system (" + whole->info().type +
                                     ") also begins at the start of the disk; "
                                     "the partitions are read, not it");
    } else {
        result.volumes.push_back({0, {0, size}, "whole source", true});
    }
    return result;
}

} // namespace kanshiki::volume
