#pragma once
// The journal, jbd2 ("Journal (jbd2)"): a ring of blocks in a file; big-endian. What a mount would replay becomes an
// overlay of the file system's blocks; nothing is written.

#include "analyze/filesystem/ext/block_map.h"

#include <functional>
#include <string>

namespace kanshiki::ext {

class Disk;

// Where the journal file's own blocks lie.
class LogBlocks {
public:
    LogBlocks() = default;
    explicit LogBlocks(std::vector<BlockRun> runs) : runs_(std::move(runs)) {}
    std::optional<uint64_t> physical(uint64_t index) const;
    uint64_t count() const { return runs_.empty() ? 0 : runs_.back().logical + runs_.back().count; }

private:
    std::vector<BlockRun> runs_;
};

struct JournalSuperblock {
    uint32_t block_size = 0, length = 0, first = 0, sequence = 0, start = 0; // start 0: nothing to replay
    uint32_t incompatible = 0, fast_commit_blocks = 0;
    uint32_t checksum_seed = 0;
    bool checksum_wrong = false;

    bool wide() const { return incompatible & 0x2; }
    bool checksum_v2() const { return incompatible & 0x8; }
    bool checksum_v3() const { return incompatible & 0x10; }
    bool checksums() const { return checksum_v2() || checksum_v3(); }
    bool fast_commits() const { return incompatible & 0x20; }
    uint32_t last() const { return fast_commits() ? length - fast_commit_blocks : length; } // of the ring, excluded
};

// Throws Error{never_valid} when it is none, or cannot be of this file system.
JournalSuperblock parse_journal_superblock(std::span<const std::byte> bytes, uint32_t block_size, uint64_t blocks);

constexpr uint32_t journal_magic = 0xc03b3998;
enum class LogBlock : uint32_t { descriptor = 1, commit = 2, superblock_v1 = 3, superblock_v2 = 4, revoke = 5 };

struct LogHeader {
    uint32_t type = 0, sequence = 0;
};
std::optional<LogHeader> log_header(std::span<const std::byte> block); // nothing: data

// One block that a descriptor announces; the data follow the descriptor in order.
struct Tag {
    uint64_t block = 0;
    uint32_t checksum = 0;
    bool escaped = false; // its first four bytes were the journal's magic and are stored as zeros
};
std::vector<Tag> parse_tags(const JournalSuperblock& super, std::span<const std::byte> descriptor);
std::vector<uint64_t> parse_revoked(const JournalSuperblock& super, std::span<const std::byte> block);
// Of a descriptor or revoke block (its tail) and of a commit block.
bool tail_checksum_right(const JournalSuperblock& super, std::span<const std::byte> block);
bool commit_checksum_right(const JournalSuperblock& super, std::span<const std::byte> block);
// Of a block of data as it stands in the log.
bool tag_checksum_right(const JournalSuperblock& super, const Tag& tag, uint32_t sequence,
                        std::span<const std::byte> block);

// The newest committed copy of each block that the journal has not yet written to its place.
struct Overlay {
    struct Block {
        uint64_t block = 0, at = 0; // of the file system; where the copy lies
        Tag tag;
        uint32_t sequence = 0;
    };
    JournalSuperblock super;
    std::vector<Block> blocks; // ascending
    std::vector<std::string> notices;
    const Block* find(uint64_t block) const;
};

using ReadLog = std::function<std::span<const std::byte>(uint64_t index)>;
// Walks the log as a mount does: up to the last transaction that was committed, minding what was revoked.
Overlay replay_journal(const JournalSuperblock& super, const LogBlocks& log, const ReadLog& read);

} // namespace kanshiki::ext
