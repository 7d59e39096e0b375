#pragma once
// One directory as it is read: its names in order, what each one's inode says, and what went wrong. Inodes are read in
// pieces, by several threads if there are many, in the order of their numbers: so they lie on the disk.

#include "analyze/filesystem/ends_run.h"
#include "analyze/triage/walk.h"
#include "kanshiki/error.h"

namespace kanshiki {

struct ListedDirectory {
    enum class State : uint8_t { nowhere, too_long, failed, known };
    struct Name {
        uint64_t handle = 0, text = 0; // text: where its bytes begin in `texts`
        uint32_t size = 0;             // of the name
        uint32_t piece = 0, info = 0;  // where its packed FileInfo lies
        FileType type = FileType::unknown;
        bool deleted = false;
        Certainty certainty = Certainty::certain;
        State state = State::nowhere;
    };
    struct Stream {
        DirectoryEntry entry;
        FileInfo info;
    };
    // What few names have.
    struct Odd {
        uint32_t name = 0; // its index
        std::string error, inspect_error, streams_error;
        std::vector<Bad> unreadable, streams_unreadable;
        std::vector<Stream> streams;
    };
    struct Piece {
        uint32_t first = 0, end = 0; // in by_handle
        std::string infos;
        std::vector<Odd> odd;
        std::vector<uint32_t> enterable;
    };

    std::string texts;
    std::vector<Name> names;         // in order once arranged
    std::vector<uint32_t> by_handle; // indices of names; pieces are parts of it
    std::vector<Piece> pieces;
    std::vector<Odd> odd;            // of all pieces, ascending
    std::vector<uint32_t> enterable; // names of directories that may be walked into, ascending
    std::string error;               // of listing it
    std::vector<Bad> unreadable;

    std::string_view text(const Name& name) const { return std::string_view(texts).substr(name.text, name.size); }
    uint64_t memory() const;
};

// Adds a name; they may come in any order.
void add_name(ListedDirectory& directory, const DirectoryEntry& entry);
// Reads all names. grown is called now and then; what it throws ends it.
void read_names(FileSystem& files, uint64_t handle, const WalkLimits& limits, ListedDirectory& directory,
                const std::function<void()>& grown);
// Puts names in order and makes the pieces.
void arrange(ListedDirectory& directory);
// The inodes of one piece. Different pieces may be read at the same time. path_size: of the directory's path.
void read_inodes(FileSystem& files, const WalkOptions& options, size_t path_size, ListedDirectory& directory,
                 size_t piece);
// After the last piece.
void complete(ListedDirectory& directory);

} // namespace kanshiki
