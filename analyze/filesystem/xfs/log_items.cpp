#include "analyze/filesystem/xfs/log_items.h"

#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/xfs/inode.h"

#include <algorithm>

namespace kanshiki::xfs {
namespace {

constexpr unsigned flag_inodes = 0x1, flag_cancel = 0x2, flag_quotas = 0x4 | 0x8 | 0x10; // blf_flags
constexpr uint64_t most_work = uint64_t{16} << 30;
constexpr size_t largest_buffer = 128;           // sectors: the largest block
constexpr size_t chunk = 128;                    // what a bit of the map stands for
constexpr size_t most_sectors = size_t{1} << 20; // of the overlay: 512 MiB

bool regular(const LogItem& item, unsigned flags) {
    return item.type() == ItemType::inode_create ||
           (item.type() == ItemType::buffer && !(flags & (flag_inodes | flag_cancel)));
}

struct LsnPlace {
    size_t lsn, uuid;
};

// Where a block keeps the LSN of its last write, by its magic; nothing for kinds that the log always wins over.
std::optional<LsnPlace> lsn_place(std::span<const std::byte> block) {
    switch (be32(block, 0)) {
    case 0x41423342: // AB3B, AB3C, RMB3, R3FC, FIB3, IAB3: short-form trees
    case 0x41423343:
    case 0x524d4233:
    case 0x52334643:
    case 0x46494233:
    case 0x49414233:
        return LsnPlace{24, 32};
    case 0x424d4133: // BMA3
        return LsnPlace{32, 40};
    case 0x58414746: // XAGF
        return LsnPlace{208, 64};
    case 0x5841464c: // XAFL
        return LsnPlace{24, 8};
    case 0x58414749: // XAGI
        return LsnPlace{320, 296};
    case 0x58534c4d: // XSLM
        return LsnPlace{48, 16};
    case 0x58444233: // XDB3, XDD3, XDF3
    case 0x58444433:
    case 0x58444633:
        return LsnPlace{16, 24};
    default:
        break;
    }
    switch (be16(block, 8)) {
    case 0x3df1: // leaves and nodes of directories, attributes
    case 0x3dff:
    case 0x3ebe:
    case 0x3bee:
        return LsnPlace{24, 32};
    default:
        return std::nullopt;
    }
}

} // namespace

struct LogItems::Buffer {
    unsigned flags = 0;
    uint32_t blocks = 0; // of 512 bytes
    uint64_t place = 0;
    std::span<const std::byte> map;
    size_t words = 0;
    bool bit(size_t index) const { return le32(map, index / 32 * 4) >> index % 32 & 1; }
    size_t bits() const { return words * 32; }
};

LogItems::Buffer LogItems::buffer(const LogItem& item) {
    const std::span<const std::byte> format = item.regions[0];
    if (format.size() < 20) damaged("log: a buffer item that is cut short");
    Buffer found{le16(format, 4), le16(format, 6), le64(format, 8), format.subspan(20), le32(format, 16)};
    if (found.words > found.map.size() / 4) damaged("log: a buffer item whose map runs over its end");
    return found;
}

std::vector<std::byte> LogItems::load(uint64_t place, size_t size) {
    if (place > reader_.size() / Overlay::sector || size > reader_.size() - place * Overlay::sector)
        damaged("log: an item for byte " + std::to_string(place) + " * 512, beyond the volume");
    count_work(size);
    std::vector<std::byte> bytes(size);
    reader_.read(place * Overlay::sector, bytes, false);
    overlay_.patch(place * Overlay::sector, bytes);
    return bytes;
}

void LogItems::store(uint64_t place, std::span<const std::byte> bytes) {
    overlay_.set(place * Overlay::sector, bytes);
    if (overlay_.size() > most_sectors) damaged("log: it changes more than 512 MiB");
}

void LogItems::count_work(size_t bytes) {
    work_ += bytes;
    if (work_ > most_work) damaged("log: its items change more than 16 GiB, again and again");
}

bool LogItems::newer_on_disk(const Buffer& buffer, uint64_t lsn) {
    if (!super_.checksums()) return false;
    const std::vector<std::byte> bytes = load(buffer.place, Overlay::sector);
    const std::span<const std::byte> block = bytes;
    const bool super = be32(block, 0) == 0x58465342; // XFSB
    const auto place = super ? LsnPlace{240, 32} : lsn_place(block);
    if (!place) return false;
    const Uuid& uuid = super ? super_.uuid : super_.metadata_uuid;
    if (!std::ranges::equal(block.subspan(place->uuid, 16), uuid)) return false; // of an older use of the block
    const uint64_t found = be64(block, place->lsn);
    return found != 0 && found != ~uint64_t{0} && found >= lsn;
}

void LogItems::note_cancelled(const Transaction& transaction) {
    for (const LogItem& item : transaction.items) {
        if (item.type() != ItemType::buffer) continue;
        const Buffer found = buffer(item);
        if (found.flags & flag_cancel) cancelled_[{found.place, found.blocks}]++;
    }
}

// In the kernel's order: buffers and new inodes, then inodes, then what inode buffers say of lists, then cancellations.
void LogItems::apply(const Transaction& transaction) {
    for (int step = 0; step < 4; step++) {
        for (const LogItem& item : transaction.items) {
            const bool is_buffer = item.type() == ItemType::buffer;
            const unsigned flags = is_buffer ? buffer(item).flags : 0;
            const int when = regular(item, flags) ? 0 : !is_buffer ? 1 : flags & flag_cancel ? 3 : 2;
            if (when != step) continue;
            if (when == 3) {
                const Buffer found = buffer(item);
                const auto entry = cancelled_.find({found.place, found.blocks});
                if (entry != cancelled_.end() && --entry->second == 0) cancelled_.erase(entry);
            } else if (is_buffer) {
                apply_buffer(item, transaction.lsn);
            } else if (item.type() == ItemType::inode) {
                apply_inode(item, transaction.lsn);
            } else if (item.type() == ItemType::inode_create) {
                apply_inode_create(item);
            } else {
                note_intent(item);
            }
        }
    }
}

void LogItems::apply_buffer(const LogItem& item, uint64_t lsn) {
    const Buffer found = buffer(item);
    if ((found.flags & flag_quotas) || found.blocks == 0 || cancelled(found.place, found.blocks)) return;
    if (found.blocks > largest_buffer) damaged("log: a buffer item of " + std::to_string(found.blocks) + " sectors");
    const bool inodes = found.flags & flag_inodes;
    if (!inodes && newer_on_disk(found, lsn)) return;
    size_t region = 1;
    for (size_t bit = 0; bit < found.bits();) {
        if (!found.bit(bit)) {
            bit++;
            continue;
        }
        if (region >= item.regions.size()) damaged("log: a buffer item with fewer regions than its map says");
        size_t run = 1;
        while (bit + run < found.bits() && found.bit(bit + run)) run++;
        const auto& from = item.regions[region++];
        run = std::min(run, from.size() / chunk); // a long run may be in several regions
        if (run == 0 || (bit + run) * chunk > found.blocks * Overlay::sector)
            damaged("log: a buffer item that runs over its buffer");
        write(found, bit * chunk, std::span(from).first(run * chunk));
        bit += run;
    }
    applied_++;
}

// Changes the sectors that the piece at byte `inside` of the buffer lies in.
void LogItems::write(const Buffer& buffer, size_t inside, std::span<const std::byte> piece) {
    const size_t first = inside / Overlay::sector, end = (inside + piece.size() - 1) / Overlay::sector + 1;
    std::vector<std::byte> bytes = load(buffer.place + first, (end - first) * Overlay::sector);
    for (size_t index = 0; index < piece.size(); index++) {
        // Of a buffer of inodes only the lists of unlinked ones (di_next_unlinked) are taken; inode items tell the
        // rest.
        const size_t field = (inside + index) % super_.inode_size;
        if (!(buffer.flags & flag_inodes) || (field >= 96 && field < 100))
            bytes[inside - first * Overlay::sector + index] = piece[index];
    }
    store(buffer.place + first, bytes);
}

// "Inode Create": a run of inodes that nobody uses yet.
void LogItems::apply_inode_create(const LogItem& item) {
    const std::span<const std::byte> format = item.regions[0];
    if (format.size() < 28) damaged("log: an inode create item that is cut short");
    const uint32_t ag = be32(format, 4), block = be32(format, 8), count = be32(format, 12), size = be32(format, 16),
                   length = be32(format, 20), generation = be32(format, 24);
    const auto offset = super_.ag_block_offset(ag, block);
    if (!offset || size != super_.inode_size || count == 0 || count > 256 || length == 0 ||
        block + uint64_t{length} > super_.ag_length(ag) ||
        uint64_t{count} * size > uint64_t{length} << super_.block_log)
        damaged("log: an inode create item that makes no sense");
    const uint64_t bytes_in_all = uint64_t{count} * size;
    // Its blocks were freed again later: by buffers of one inode cluster each, whose size the volume does not tell.
    const uint64_t place = *offset / Overlay::sector, end = place + bytes_in_all / Overlay::sector;
    const auto first = cancelled_.lower_bound({place, 0});
    if (first != cancelled_.end() && first->first.first < end) return;

    std::vector<std::byte> bytes(static_cast<size_t>(bytes_in_all));
    const auto put = [&](size_t at, uint64_t value, size_t width) {
        for (size_t index = 0; index < width; index++)
            bytes[at + index] = static_cast<std::byte>(value >> 8 * (width - 1 - index));
    };
    for (uint32_t index = 0; index < count; index++) {
        const size_t at = size_t{index} * size;
        put(at, inode_magic, 2);
        put(at + 4, super_.checksums() ? 3 : 2, 1);
        put(at + 92, generation, 4);
        put(at + 96, ~uint32_t{0}, 4);
        if (!super_.checksums()) continue;
        put(at + 152, super_.inode_number(ag, (block << super_.inodes_per_block_log) + index), 8);
        std::ranges::copy(super_.metadata_uuid, bytes.begin() + static_cast<std::ptrdiff_t>(at + 160));
    }
    load(place, bytes.size()); // throws when it lies beyond the volume
    store(place, bytes);
    applied_++;
}

// Announced and later done, each by its number; a mount finishes those that were not.
void LogItems::note_intent(const LogItem& item) {
    const auto type = static_cast<uint16_t>(item.type());
    if (type < static_cast<uint16_t>(ItemType::free_intent) || item.regions[0].size() < 16 ||
        item.type() == ItemType::quota)
        return;
    const bool done = item.type() == ItemType::free_done || (type >= 0x1240 && type % 2 == 1);
    const auto intent = static_cast<ItemType>(done ? type - 1 : type);
    const uint64_t id = le64(item.regions[0], 8);
    if (done)
        intents_.erase({intent, id});
    else
        intents_[{intent, id}] = 1;
}

} // namespace kanshiki::xfs
