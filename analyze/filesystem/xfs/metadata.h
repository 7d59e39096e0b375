#pragma once
// The volume's metadata as read, and what was odd about it. One per file system object, so not thread-safe.

#include "analyze/filesystem/volume_reader.h"
#include "analyze/filesystem/xfs/checksum.h"
#include "analyze/filesystem/xfs/log_replay.h"

#include <unordered_set>

namespace kanshiki::xfs {

class Metadata {
public:
    Metadata(BlockSource& source, Range volume, const Superblock& superblock, std::shared_ptr<const Replayed> log,
             std::stop_token stop)
        : super(superblock), reader(source, volume, std::move(stop)), replayed(std::move(log)) {}

    const Superblock super;
    VolumeReader reader;
    const std::shared_ptr<const Replayed> replayed;

    // Bytes of metadata through the cache, as the log leaves them. note: see VolumeReader.
    void read(uint64_t offset, std::span<std::byte> into, bool note = true) {
        reader.read(offset, into, note);
        replayed->overlay.patch(offset, into);
    }
    // The log holds changes to it, which no checksum covers yet.
    bool changed_by_log(uint64_t offset, size_t size) const { return replayed->overlay.touches(offset, size); }

    // One block of the allocation group's or the file system's numbering; throws Error{never_valid} beyond the end.
    void read_ag_block(uint32_t ag, uint64_t block, std::span<std::byte> into);
    uint64_t place_of(uint64_t fs_block, uint64_t count = 1) const;

    // Tells a contradiction in the block just read from `offset`; does nothing before version 5.
    void check(std::span<const std::byte> bytes, const Description& kind, uint64_t offset, uint64_t owner);
    void warn(const std::string& line); // each line once
    std::vector<std::string> take_warnings() { return std::exchange(warnings_, {}); }

private:
    std::vector<std::string> warnings_;
    std::unordered_set<std::string> told_;
};

[[noreturn]] void damaged(const std::string& what); // Error{never_valid, "XFS " + what}

} // namespace kanshiki::xfs
