#pragma once
// Which files own some bytes of an image: for `verify --explain`.

#include "kanshiki/triage.h"

namespace kanshiki {

struct Owner {
    unsigned volume = 0;
    std::string path; // bytes as stored
    uint64_t inode = 0;
    bool deleted = false; // it owned them once: they may be another's by now
    uint64_t in_file = 0; // offset in the file of the first of these bytes
    Range range;          // in the image
};

// What of a range is in no file that exists, and whose it is then.
struct Elsewhere {
    std::string what;
    uint64_t size = 0;
};

struct ExplainedRange {
    Range range; // of the image
    std::vector<Owner> owners;
    uint64_t more_owners = 0; // beyond those listed
    std::vector<Elsewhere> elsewhere;
};

struct Explanation {
    std::vector<ExplainedRange> ranges;  // those asked for, in their order
    std::vector<NotCovered> not_covered; // what could not be looked at, so that owners may be missing
};

inline constexpr size_t most_owners = 50; // listed of one range

// ranges: ascending, disjoint, inside the source.
Explanation explain(BlockSource& source, const std::vector<Range>& ranges, std::stop_token stop);

} // namespace kanshiki
