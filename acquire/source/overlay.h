#pragma once
// One source with pieces of another in it: a damaged image with its damaged chunks read from the original.

#include "kanshiki/block_source.h"

namespace kanshiki {

class Overlay final : public BlockSource {
public:
    // ranges: ascending, disjoint; what they cover is read from `above`, all else from `below`. size: of the whole;
    // what neither has is missing at its end. Both must outlive it.
    Overlay(BlockSource& below, BlockSource& above, std::vector<Range> ranges, uint64_t size);

    const SourceInfo& info() const override { return info_; }
    void read(Read& read, std::stop_token stop) override;

private:
    BlockSource& below_;
    BlockSource& above_;
    const std::vector<Range> ranges_;
    SourceInfo info_;
};

} // namespace kanshiki
