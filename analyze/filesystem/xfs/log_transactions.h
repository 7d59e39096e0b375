#pragma once
// Transactions put together from the operations in the log's records ("Log Operations"): each is a list of items, each
// item some regions of bytes, the first of which names its type.

#include "analyze/filesystem/xfs/log.h"

namespace kanshiki::xfs {

enum class ItemType : uint16_t {
    free_intent = 0x1236,
    free_done = 0x1237,
    inode = 0x123b,
    buffer = 0x123c,
    quota = 0x123d,
    inode_create = 0x123f,
    reverse_map_intent = 0x1240,
    reverse_map_done = 0x1241,
    reference_intent = 0x1242,
    reference_done = 0x1243,
    map_intent = 0x1244,
    map_done = 0x1245,
    attribute_intent = 0x1246,
    attribute_done = 0x1247,
    exchange_intent = 0x1248,
    exchange_done = 0x1249,
};

struct LogItem {
    size_t expected = 0; // regions
    std::vector<std::vector<std::byte>> regions;
    ItemType type() const;
};

struct Transaction {
    uint64_t lsn = 0;  // of the record in which it began
    size_t header = 0; // bytes of its own header that have come
    std::vector<LogItem> items;
};

class Transactions {
public:
    // Calls `commit` for every transaction whose end is in the record. Throws Error{never_valid} where the operations
    // make no sense or would take too much memory.
    void add(const LogRecord& record, const std::function<void(Transaction&)>& commit);

private:
    void operation(const LogRecord& record, uint32_t id, unsigned flags, std::span<const std::byte> bytes,
                   const std::function<void(Transaction&)>& commit);
    static void append(Transaction& transaction, std::span<const std::byte> bytes);
    static void go_on(Transaction& transaction, std::span<const std::byte> bytes);

    std::unordered_map<uint32_t, Transaction> open_;
    uint64_t held_ = 0; // bytes in open_, as an upper bound
};

} // namespace kanshiki::xfs
