#pragma once
// Deleted files by what the journal still knows of them: the newest copy of an inode in which it was alive, and the
// names that older copies of directory blocks give its number.

#include "analyze/filesystem/ext/disk.h"
#include "analyze/filesystem/ext/inode.h"
#include "analyze/filesystem/ext/journal_history.h"

#include <map>

namespace kanshiki::ext {

// What FileSystem's callers get for an inode's copy in the journal.
constexpr uint64_t copy_bit = uint64_t{1} << 63;
constexpr uint64_t copy_handle(uint32_t log_index, uint32_t number) {
    return copy_bit | uint64_t{log_index} << 32 | number;
}
constexpr bool is_copy(uint64_t handle) { return handle & copy_bit; }
constexpr uint32_t log_index_of(uint64_t handle) { return static_cast<uint32_t>((handle & ~copy_bit) >> 32); }
constexpr uint32_t number_of(uint64_t handle) { return static_cast<uint32_t>(handle); }

struct RecoveredFile {
    uint64_t handle = 0;                   // of the copy, or the number of an inode that is free
    uint32_t sequence = 0, generation = 0; // of the copy
    FileType type = FileType::unknown;
    std::string name;    // empty: not known
    uint64_t parent = 0; // handle of the directory that had the name; 0: not known
    Certainty certainty = Certainty::possible;
};

class Recovered {
public:
    Recovered(Disk& disk, const JournalSuperblock& super, const LogBlocks& log);

    const History& history() const { return history_; }
    const std::vector<RecoveredFile>& files() const { return files_; } // copies; ascending by inode number
    // The newest copy of that inode, of this generation.
    const RecoveredFile* find(uint64_t handle) const;
    bool has(uint32_t number, uint32_t generation) const;
    // Name and parent for a free inode of which there is no copy; null when no directory block names it.
    const RecoveredFile* named(uint32_t number) const;
    // What a directory of which only a copy is left held.
    std::vector<const RecoveredFile*> children(uint64_t handle) const;

private:
    friend class Search;
    History history_;
    std::vector<RecoveredFile> files_;
    std::map<uint32_t, RecoveredFile> names_; // of free inodes without a copy
};

// Blocks of a file as of a copy: extent and pointer blocks by their copies of that time, else as they lie now.
std::vector<BlockRun> runs_as_of(Disk& disk, const History& history, const ReadLog& read, uint32_t number,
                                 const Inode& inode, uint32_t sequence);

} // namespace kanshiki::ext
