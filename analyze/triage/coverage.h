#pragma once
// The ledger of a triage as it grows: told of every volume, of every inode while the walk has it at hand, of what was
// read; at the end every byte of the source is in exactly one class.

#include "analyze/triage/range_set.h"
#include "kanshiki/triage.h"

#include <deque>
#include <memory>
#include <mutex>

namespace kanshiki {

// Notes what of a source could not be read. Thread-safe where that is.
class BadNotes : public BlockSource {
public:
    explicit BadNotes(BlockSource& below) : below_(below) {}
    const SourceInfo& info() const override { return below_.info(); }
    std::vector<Extent> extents(Range within, std::stop_token stop) override { return below_.extents(within, stop); }
    void read(Read& read, std::stop_token stop) override;
    const std::vector<Range>& bad() { return bad_.ranges(); }

private:
    BlockSource& below_;
    std::mutex mutex_;
    RangeSet bad_;
};

// The files of one volume. inspect() and read() may be called from many threads; what is kept does not depend on the
// order.
class CoveredFiles {
public:
    explicit CoveredFiles(FileSystem& files);
    // While the inode is at hand. Throws what extents() throws.
    void inspect(FileSystem& files, uint64_t handle, const FileInfo& info);
    // What was read of one file: its first `bytes` bytes; the rest could not be read (failed) or was not asked for.
    void read(FileSystem& files, uint64_t handle, const FileInfo& info, uint64_t bytes, bool failed);

private:
    friend class CoverageLedger;
    Range range_; // of the volume, in its own source
    std::mutex mutex_;
    RangeSet free_, slack_, unread_, rest_, failed_, read_;
    std::string no_free_space_; // why it could not be told
};

class CoverageLedger {
public:
    explicit CoverageLedger(uint64_t size) : size_(size) {}
    // Of each volume in the table's order one of these: what is inside another comes after that.
    void skip(const Volume& volume, const std::string& what, const std::string& why);
    CoveredFiles& open(const Volume& volume, FileSystem& files);
    // The files of that number; null where none were opened.
    CoveredFiles* files(unsigned volume);
    // bad: what of the source could not be read.
    Coverage finish(const std::vector<Range>& bad);

private:
    struct Entry {
        Volume volume;
        std::string what, why; // of a volume without files
        std::unique_ptr<CoveredFiles> files;
    };
    uint32_t number(unsigned volume, Treated treated, std::string what, std::string why);
    std::vector<CoveredRange> classify(Entry& entry);

    const uint64_t size_;
    std::deque<Entry> entries_;
    std::vector<CoverageClass> classes_;
};

} // namespace kanshiki
