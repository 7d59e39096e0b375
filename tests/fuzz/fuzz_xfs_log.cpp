// What is inside the records of an XFS log, past their checksums: operations, transactions, items. The input is version
// (its lowest bit: 5), then records, each its number of operations (16 bits), its size (16 bits, both little-endian),
// its data. Seeds: records of real logs.

#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/xfs/log_items.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <cstring>

using namespace kanshiki;
using namespace kanshiki::xfs;

namespace {

constexpr uint64_t volume_size = uint64_t{1} << 22;

// Every block could be one of inodes.
class Inodes : public BlockSource {
public:
    Inodes() { info_.size = volume_size; }
    const SourceInfo& info() const override { return info_; }
    void read(Read& read, std::stop_token) override {
        const uint64_t from = std::min(read.offset, volume_size);
        read.got = static_cast<size_t>(std::min<uint64_t>(read.into.size(), volume_size - from));
        std::memset(read.into.data(), 0, read.got);
        for (uint64_t at = (from + 511) / 512 * 512; at + 6 <= from + read.got; at += 512)
            std::memcpy(read.into.data() + (at - from), "IN\0\0\3\2", 6);
    }

private:
    SourceInfo info_;
};

Superblock geometry(bool v5) {
    Superblock super;
    super.version = v5 ? 5 : 4;
    super.block_size = super.directory_block_size = 4096;
    super.sector_size = super.inode_size = 512;
    super.block_log = 12;
    super.inode_log = 9;
    super.inodes_per_block_log = 3;
    super.ag_blocks_log = 10;
    super.blocks = super.ag_blocks = volume_size >> 12;
    super.ag_count = 1;
    return super;
}

std::vector<LogRecord> split(std::span<const std::byte> bytes) {
    std::vector<LogRecord> records;
    for (size_t at = 0; at + 4 <= bytes.size();) {
        LogRecord record;
        record.block = at;
        record.lsn = (uint64_t{1} << 32) + at + 1;
        record.operations = le16(bytes, at);
        const size_t size = std::min<size_t>(le16(bytes, at + 2), bytes.size() - at - 4);
        const auto data = bytes.subspan(at + 4, size);
        record.data.assign(data.begin(), data.end());
        records.push_back(std::move(record));
        at += 4 + size;
    }
    return records;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 1) return 0;
    Inodes source;
    VolumeReader reader(source, {0, volume_size}, {});
    const Superblock super = geometry(data[0] & 1);
    const auto records = split(std::as_bytes(std::span(data + 1, size - 1)));
    Overlay overlay;
    LogItems items(reader, super, overlay);
    const auto pass = [&](auto each) {
        Transactions transactions;
        for (const LogRecord& record : records) transactions.add(record, each);
    };
    try {
        pass([&](Transaction& transaction) { items.note_cancelled(transaction); });
        pass([&](Transaction& transaction) { items.apply(transaction); });
    } catch (const Error& error) {
        if (error.code() != ExitCode::never_valid) throw;
    }
    std::array<std::byte, 4096> block{};
    for (uint64_t offset = 0; offset < volume_size; offset += block.size()) overlay.patch(offset, block);
    return 0;
}
