#include "analyze/filesystem/xfs/log.h"

#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/crc32c.h"

#include <algorithm>

namespace kanshiki::xfs {
namespace {

constexpr uint32_t magic = 0xfeedbabe;
constexpr size_t block_size = 512;
constexpr uint32_t cycles_per_header = 64; // each header keeps the first words of so many blocks
constexpr uint32_t largest_record = 256 * 1024, header_covers = 32 * 1024;
constexpr uint64_t in_flight = 8 * largest_record / block_size; // 8 records may be written at once, in any order
constexpr size_t header_size = 328, header_size_i386 = 324, more_header_size = 260; // as far as the checksum goes
constexpr size_t checksum_at = 32;
constexpr unsigned log_client = 0xaa, flag_unmount = 0x20;

// Of the block that begins so: a header has it in its second word, data in its first.
uint32_t cycle_of(std::span<const std::byte> block) {
    return be32(block, 0) == magic ? be32(block, 4) : be32(block, 0);
}

} // namespace

Log::Log(VolumeReader& reader, const Superblock& super) : reader_(reader), super_(super) {}

void Log::read(uint64_t block, std::span<std::byte> into) {
    while (!into.empty()) {
        block %= blocks_;
        const auto part =
            into.first(static_cast<size_t>(std::min<uint64_t>(into.size(), (blocks_ - block) * block_size)));
        reader_.read(start_ + block * block_size, part);
        block += part.size() / block_size;
        into = into.subspan(part.size());
    }
}

uint32_t Log::cycle(uint64_t block) {
    std::array<std::byte, 8> bytes{};
    reader_.read(start_ + block * block_size, bytes);
    return cycle_of(bytes);
}

// Narrows the search from where the superblock was logged last, mostly shortly before the end: on a slow source each
// step of the search is felt.
void Log::leap(uint32_t first, uint64_t& low, uint64_t& high) {
    const uint64_t hint = super_.log_sequence & 0xffffffff;
    if (super_.log_sequence >> 32 != first || hint >= high || cycle(hint) != first) return;
    low = hint;
    for (uint64_t step = 16; high - low > step; step *= 8) {
        if (cycle(low + step) != first) {
            high = low + step;
            return;
        }
        low += step;
    }
}

// The block after the last one written: where the cycle falls by one (or to 0, in the first round). What was in flight
// when the machine stopped may have left a gap before it; the log ends at the gap.
uint64_t Log::raw_head(bool& never_used) {
    const uint32_t first = cycle(0), last = cycle(blocks_ - 1);
    never_used = first == 0;
    if (never_used) return 0;
    uint64_t low = 0, high = blocks_; // cycle(low) == first; from high on it is older
    if (first != last) {
        high = blocks_ - 1;
        leap(first, low, high);
        while (high - low > 1) {
            const uint64_t middle = low + (high - low) / 2;
            (cycle(middle) == first ? low : high) = middle;
        }
    }
    if (unmounted_at(high)) return high; // nothing was in flight any more
    const uint32_t older = first == last ? first - 1 : last;
    const uint64_t near = high - std::min(high, in_flight);
    std::vector<std::byte> window((high - near) * block_size); // in one read: on a slow source each of many is felt
    reader_.read_through(start_ + near * block_size, window);
    for (uint64_t block = near; block < high; block++)
        if (cycle_of(std::span(window).subspan((block - near) * block_size)) == older) return block;
    if (first != last && high < in_flight && last != 0) // the gap may lie at the end of the round before
        for (uint64_t block = std::max(high, blocks_ - std::min(blocks_, in_flight - high)); block < blocks_; block++)
            if (cycle(block) == last - 1) return block;
    return high;
}

std::optional<LogRecord> Log::header(uint64_t block) {
    std::array<std::byte, block_size> bytes{};
    read(block, bytes);
    if (be32(bytes, 0) != magic) return std::nullopt;
    const uint32_t version = be32(bytes, 8), size = be32(bytes, 12);
    LogRecord record;
    record.block = block;
    record.lsn = be64(bytes, 16);
    record.tail_lsn = be64(bytes, 24);
    record.operations = be32(bytes, 40);
    record.format = be32(bytes, 300);
    if ((version != 1 && version != 2) || size == 0 || size > largest_record) return std::nullopt;
    if (record.lsn != (uint64_t{be32(bytes, 4)} << 32 | block)) return std::nullopt; // data that looks like one
    const uint32_t unit = version == 2 ? be32(bytes, 320) : 0; // of the buffer it was written from
    if (unit > largest_record) return std::nullopt;
    headers_ = std::max(1u, (unit + header_covers - 1) / header_covers);
    record.data.resize(size);
    record.blocks = headers_ + (size + block_size - 1) / block_size;
    if (record.blocks > blocks_) return std::nullopt;
    return record;
}

bool Log::read_data(LogRecord& record) {
    const size_t size = record.data.size();
    std::vector<std::byte> headers(headers_ * block_size), data((size + block_size - 1) / block_size * block_size);
    read(record.block, headers);
    read(record.block + headers_, data);

    const uint32_t stored = le32(headers, checksum_at);
    const auto computed = [&](size_t first_header) {
        static constexpr std::array<std::byte, 4> zeros{};
        uint32_t state = crc32c(~0u, std::span(headers).first(checksum_at));
        state = crc32c(state, zeros);
        state = crc32c(state, std::span(headers).subspan(checksum_at + 4, first_header - checksum_at - 4));
        const size_t more = std::min<size_t>(headers_, (size + header_covers - 1) / header_covers);
        for (size_t index = 1; index < more; index++)
            state = crc32c(state, std::span(headers).subspan(index * block_size, more_header_size));
        return ~crc32c(state, std::span(data).first(size));
    };
    if ((stored != 0 || super_.checksums()) && computed(header_size) != stored && computed(header_size_i386) != stored)
        return false;

    for (size_t block = 0; block * block_size < size; block++) {
        const size_t header = block / cycles_per_header, index = block % cycles_per_header;
        if (header >= headers_) return false;
        const size_t from = header == 0 ? 44 + index * 4 : header * block_size + 4 + index * 4;
        std::copy_n(headers.begin() + static_cast<std::ptrdiff_t>(from), 4,
                    data.begin() + static_cast<std::ptrdiff_t>(block * block_size));
    }
    data.resize(size);
    record.data = std::move(data);
    return true;
}

bool Log::unmount(const LogRecord& record) {
    std::array<std::byte, block_size> bytes{};
    read(record.block + headers_, bytes);
    return record.operations == 1 && std::to_integer<unsigned>(bytes[8]) == log_client &&
           (std::to_integer<unsigned>(bytes[9]) & flag_unmount);
}

// Whether the record that ends there was written by an unmount.
bool Log::unmounted_at(uint64_t end) {
    constexpr uint64_t most_headers = largest_record / header_covers;
    for (uint64_t size = 2; size <= std::min(end, most_headers + 1); size++)
        if (const auto record = header(end - size)) return record->blocks == size && unmount(*record);
    return false;
}

LogState Log::find_ends(std::string& why) {
    if (super_.log_start == 0) return LogState::external;
    const auto start = super_.block_offset(super_.log_start, super_.log_blocks);
    const uint64_t size = uint64_t{super_.log_blocks} << super_.block_log;
    if (!start || size < 2 * largest_record || *start > reader_.size() || size > reader_.size() - *start) {
        why = "it does not lie inside the volume";
        return LogState::damaged;
    }
    start_ = *start;
    blocks_ = size / block_size;
    bool never_used = false;
    head_ = raw_head(never_used);
    if (never_used) return LogState::clean;
    // The last record that is whole: back from the head, at most what was in flight.
    uint64_t end = head_;
    for (uint64_t back = 1; back <= std::min(blocks_, 2 * in_flight); back++) {
        const uint64_t block = (head_ + blocks_ - back) % blocks_;
        const auto record = header(block);
        if (!record) continue;
        if ((block + record->blocks) % blocks_ != end % blocks_) { // torn: the log ends before it
            end = block;
            continue;
        }
        head_ = end % blocks_;
        if (unmount(*record)) return LogState::clean;
        tail_ = record->tail_lsn & 0xffffffff;
        if (tail_ < blocks_) return LogState::dirty;
        why = "its tail lies beyond its end";
        return LogState::damaged;
    }
    why = "no record is in it where it ends";
    return LogState::damaged;
}

void Log::records(const std::function<void(const LogRecord&)>& record, std::string& torn) {
    uint64_t left = head_ > tail_ ? head_ - tail_ : blocks_ - tail_ + head_, at = tail_;
    while (left > 0) {
        auto found = header(at);
        if (!found || found->blocks > left) {
            torn = "at block " + std::to_string(at) + " of the log there is no record";
            return;
        }
        if (!read_data(*found)) {
            torn = "the record at block " + std::to_string(at) + " of the log has a wrong checksum";
            return;
        }
        record(*found);
        left -= found->blocks;
        at = (at + found->blocks) % blocks_;
    }
}

} // namespace kanshiki::xfs
