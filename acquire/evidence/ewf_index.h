#pragma once
// Where the pieces of an E01 lie: its segments followed section by section. Everything it says is hostile: each offset
// and count is checked, and of the tables only their places are kept (1 TiB has 128 MiB of table entries).

#include "acquire/block/file_descriptor.h"
#include "acquire/evidence/ewf_header.h"

#include <filesystem>
#include <memory>

namespace kanshiki::ewf {

inline constexpr uint64_t largest_piece = 32 * 1024 * 1024;

// A run of pieces with their table.
struct Group {
    uint32_t segment = 0; // index into Index::files
    uint64_t first = 0;   // piece
    uint32_t count = 0;
    uint64_t sectors = 0;  // offset of the sectors section; 0: not known
    uint64_t data_end = 0; // where the last piece ends, at most
    uint64_t table = 0;    // offset of the table's content; 0: it has none, `recovered` says where the pieces are
    std::shared_ptr<const Table> recovered;
};

struct Index {
    std::vector<std::filesystem::path> paths; // of the segments, in order
    std::vector<FileDescriptor> files;
    std::vector<uint64_t> sizes;
    std::vector<Group> groups;         // ascending, without gaps
    uint64_t pieces = 0;               // in all groups
    std::optional<uint64_t> short_end; // content of the last piece, where it was followed and is short
    Volume volume;
    uint64_t volume_at = 0; // offset of its content in the first segment
    Texts header;
    Bytes md5, sha1;           // as stored; empty: not there
    std::vector<Range> errors; // bytes; ascending, disjoint
    bool complete = false;     // there is a "done"
};

// strict: every section's checksum must be right, both copies of a table there and equal, no segment missing, and all
// of it must fit together: Error{never_valid} names file, byte and what. Otherwise as far as it can be followed, with
// what is damaged left out; pieces that no table names yet (an unfinished image's last) are followed one by one.
Index read_index(const std::filesystem::path& image, bool strict);

} // namespace kanshiki::ewf
