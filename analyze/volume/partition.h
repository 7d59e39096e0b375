#pragma once
// Shared by the partition table readers. All offsets are bytes of the source.

#include "kanshiki/volume.h"

#include <functional>
#include <optional>
#include <span>

namespace kanshiki::volume {

// Fills `into` from `offset` or throws; unreadable bytes are zeros.
using ReadBytes = std::function<void(uint64_t offset, std::span<std::byte> into)>;

struct Disk {
    ReadBytes read;
    uint64_t size = 0;
    uint32_t sector = 512; // logical
};

struct Partition {
    unsigned number = 0;
    uint64_t first = 0, count = 0; // sectors
    std::string description;
};

struct Table {
    std::string scheme;
    uint32_t sector = 512;
    std::vector<Partition> partitions;
    std::vector<std::string> notices;
};

struct MasterBootRecord {
    Table table;
    bool protective = false; // it says that a GPT is there
};

// Nothing when sector 0 is no MBR. Extended partitions are followed, at most 256 logical ones, never in circles.
std::optional<MasterBootRecord> read_mbr(const Disk& disk);

// UEFI specification 2.10, section 5.3. Nothing when neither the primary nor the backup header is there.
std::optional<Table> read_gpt(const Disk& disk);

// BSD, Sun and Apple tables, by libtsk.
std::optional<Table> read_other_tables(BlockSource& source, std::stop_token stop);

} // namespace kanshiki::volume
