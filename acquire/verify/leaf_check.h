#pragma once
// Compares the leaves of an image, as they pass, with its chunk list.

#include "kanshiki/chunk_list.h"
#include "kanshiki/pipeline.h"

namespace kanshiki {

class LeafCheck final : public LeafObserver {
public:
    explicit LeafCheck(ChunkListReader* list) : list_(list) {} // null: there is none

    void leaf(const LeafRun& run) override;

    std::vector<Range> differing; // whole chunks, neighbours merged; without those that could not be read
    std::vector<Bad> unreadable;  // whole chunks that the evidence file did not give, by errno, neighbours merged
    std::vector<Bad> recorded; // ranges that the image itself gives as unreadable at its source: zeros are right there
    uint64_t beyond = 0;       // chunks that the list has no leaf for

private:
    ChunkListReader* const list_;
};

// Passes reads through and looks, while the bytes are in cache, that the ranges recorded as unreadable are zeros.
class ZeroCheck final : public BlockSource {
public:
    // ranges: ascending, disjoint.
    ZeroCheck(BlockSource& below, std::vector<Range> ranges);
    ~ZeroCheck() override;
    const SourceInfo& info() const override { return below_.info(); }
    std::vector<Extent> extents(Range within, std::stop_token stop) override { return below_.extents(within, stop); }
    void read(Read& read, std::stop_token stop) override;

    std::vector<Range> not_zero() const; // ascending; call when the reading is over

private:
    struct Found;
    BlockSource& below_;
    const std::vector<Range> ranges_;
    std::unique_ptr<Found> found_;
};

} // namespace kanshiki
