#pragma once
// Items of the log, applied to an overlay.

#include "analyze/filesystem/xfs/log_transactions.h"
#include "analyze/filesystem/xfs/overlay.h"

#include <map>

namespace kanshiki::xfs {

class LogItems {
public:
    LogItems(VolumeReader& reader, const Superblock& super, Overlay& overlay)
        : reader_(reader), super_(super), overlay_(overlay) {}

    // First pass: which buffers are cancelled, because their blocks were freed.
    void note_cancelled(const Transaction& transaction);
    // Second pass. Throws Error{never_valid} on an item that makes no sense or leaves the volume.
    void apply(const Transaction& transaction);

    uint64_t applied() const { return applied_; }
    size_t unfinished() const { return intents_.size(); } // operations that a mount would finish

private:
    struct Buffer; // the format of a buffer item
    static Buffer buffer(const LogItem& item);
    void apply_buffer(const LogItem& item, uint64_t lsn);
    void write(const Buffer& buffer, size_t inside, std::span<const std::byte> piece);
    void apply_inode(const LogItem& item, uint64_t lsn);
    void apply_inode_create(const LogItem& item);
    void note_intent(const LogItem& item);
    bool cancelled(uint64_t place, uint32_t blocks) const { return cancelled_.contains({place, blocks}); }
    std::vector<std::byte> load(uint64_t place, size_t size); // place: in units of 512 bytes
    void store(uint64_t place, std::span<const std::byte> bytes);
    bool newer_on_disk(const Buffer& buffer, uint64_t lsn);
    void count_work(size_t bytes);

    VolumeReader& reader_;
    const Superblock& super_;
    Overlay& overlay_;
    std::map<std::pair<uint64_t, uint32_t>, unsigned> cancelled_;
    std::map<std::pair<ItemType, uint64_t>, unsigned> intents_;
    uint64_t applied_ = 0, work_ = 0;
};

// A logged inode's regions → its bytes on disk.
void apply_inode_core(std::span<const std::byte> core, uint64_t lsn, std::span<std::byte> inode);
// The root of an extent tree as it is in memory → as it is in the inode's fork.
void apply_tree_root(std::span<const std::byte> root, bool v5, std::span<std::byte> fork);

} // namespace kanshiki::xfs
