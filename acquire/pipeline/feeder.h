#pragma once
// Cuts a source into items, in order: chunks to be read, and runs of chunks that the source knows to be zero.

#include "kanshiki/pipeline.h"

namespace kanshiki {

struct Cut {
    Range range;
    Kind kind = Kind::data;
};

class Feeder {
public:
    Feeder(BlockSource& source, uint64_t start, std::optional<uint64_t> end, bool use_extents);
    std::optional<Cut> next(std::stop_token stop); // nothing at the end. One thread at a time.
    void ended() { end_ = next_; }                 // a source of unknown size came to its end

private:
    const Extent* extent_at(uint64_t offset, std::stop_token stop);
    BlockSource& source_;
    uint64_t next_;
    std::optional<uint64_t> end_;
    bool use_extents_;
    std::vector<Extent> known_; // what the source said of the stretch around next_
    size_t current_ = 0;
};

} // namespace kanshiki
