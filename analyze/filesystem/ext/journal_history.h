#pragma once
// Copies of blocks that still stand in the journal, of transactions written to their places long ago too: what inodes
// and directories were before files were deleted.

#include "analyze/filesystem/ext/journal.h"

namespace kanshiki::ext {

struct LogCopy {
    uint64_t block = 0; // of the file system
    uint32_t index = 0; // of the log
    uint32_t sequence = 0;
    Tag tag;
};

class History {
public:
    // Goes through the whole log once. read: a block of it as it stands there.
    History(const JournalSuperblock& super, const LogBlocks& log, const ReadLog& read);

    const std::vector<LogCopy>& copies() const { return copies_; } // in the log's order
    // The newest copy of a block that is of that transaction or an older one.
    const LogCopy* as_of(uint64_t block, uint32_t sequence) const;
    // A copy's bytes; false when its checksum tells that they are others'.
    bool read(const LogCopy& copy, const ReadLog& read, std::vector<std::byte>& into) const;

private:
    void scan(const LogBlocks& log, const ReadLog& read);
    void drop_overwritten();

    JournalSuperblock super_;
    std::vector<LogCopy> copies_;
    std::vector<uint32_t> headers_;   // indices that hold no data
    std::vector<uint32_t> committed_; // sequences
    std::vector<uint32_t> by_block_;  // indices into copies_: by block, then oldest first
};

} // namespace kanshiki::ext
