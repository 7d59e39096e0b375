#include "analyze/filesystem/xfs/log_transactions.h"

#include "analyze/filesystem/bytes.h"

namespace kanshiki::xfs {
namespace {

constexpr size_t operation_header = 12, transaction_header = 16;
constexpr unsigned transaction_client = 0x69, log_client = 0xaa;
constexpr unsigned flag_start = 0x1, flag_commit = 0x2, flag_continued = 0x8, flag_unmount = 0x20;
constexpr size_t most_regions = 100'000;            // of an item; a buffer has one for each run of 128 bytes
constexpr size_t region_cost = 64;                  // of memory, beside its bytes
constexpr uint64_t most_held = uint64_t{256} << 20; // of transactions that have not ended

[[noreturn]] void fail(const LogRecord& record, const std::string& what) {
    damaged("log: the record at block " + std::to_string(record.block) + " " + what);
}

} // namespace

// The log's structures are in the byte order of the machine that wrote it; only little-endian ones are read.
ItemType LogItem::type() const {
    return static_cast<ItemType>(regions.empty() || regions[0].size() < 4 ? 0 : le16(regions[0], 0));
}

void Transactions::append(Transaction& transaction, std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    if (transaction.header < transaction_header) { // how many items there are is not needed
        transaction.header += bytes.size();
        if (transaction.header > transaction_header) damaged("log: a transaction begins with no header");
        return;
    }
    if (transaction.items.empty() || transaction.items.back().regions.size() == transaction.items.back().expected) {
        if (bytes.size() < 4) damaged("log: an item of " + std::to_string(bytes.size()) + " bytes");
        LogItem item;
        item.expected = le16(bytes, 2);
        if (item.expected == 0 || item.expected > most_regions)
            damaged("log: an item of " + std::to_string(item.expected) + " regions");
        transaction.items.push_back(std::move(item));
    }
    transaction.items.back().regions.emplace_back(bytes.begin(), bytes.end());
}

void Transactions::go_on(Transaction& transaction, std::span<const std::byte> bytes) {
    if (transaction.items.empty()) return append(transaction, bytes);
    auto& region = transaction.items.back().regions.back();
    region.insert(region.end(), bytes.begin(), bytes.end());
}

void Transactions::operation(const LogRecord& record, uint32_t id, unsigned flags, std::span<const std::byte> bytes,
                             const std::function<void(Transaction&)>& commit) {
    if (flags & flag_start) {
        open_[id] = {record.lsn, 0, {}};
        return;
    }
    const auto found = open_.find(id);
    if (found == open_.end()) return; // it began before the tail: all of it has reached its place
    if (flags & flag_unmount) {
        open_.erase(found);
    } else if (flags & flag_commit) {
        Transaction whole = std::move(found->second);
        open_.erase(found);
        if (open_.empty()) held_ = 0;
        commit(whole);
    } else {
        held_ += bytes.size() + region_cost;
        if (held_ > most_held) fail(record, "leaves more than 256 MiB of transactions open");
        if (flags & flag_continued)
            go_on(found->second, bytes);
        else
            append(found->second, bytes);
    }
}

void Transactions::add(const LogRecord& record, const std::function<void(Transaction&)>& commit) {
    const std::span<const std::byte> data = record.data;
    size_t at = 0;
    for (uint32_t index = 0; index < record.operations; index++) {
        if (data.size() - at < operation_header) fail(record, "says more operations than it has");
        const uint32_t id = be32(data, at), size = be32(data, at + 4);
        const auto client = std::to_integer<unsigned>(data[at + 8]), flags = std::to_integer<unsigned>(data[at + 9]);
        at += operation_header;
        if (client != transaction_client && client != log_client)
            fail(record, "has an operation of client " + std::to_string(client));
        if (size > data.size() - at) fail(record, "has an operation that runs over its end");
        operation(record, id, flags, data.subspan(at, size), commit);
        at += size;
    }
}

} // namespace kanshiki::xfs
