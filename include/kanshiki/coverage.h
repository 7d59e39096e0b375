#pragma once
// What became of every byte of a source and of every file: read, skipped and why, or failed. docs/formats/coverage.md

#include "kanshiki/range.h"

#include <string>
#include <string_view>
#include <vector>

namespace kanshiki {

enum class Treated : uint8_t { read, skipped, failed };
std::string_view treated_name(Treated treated); // "read" …

// Bytes of one kind in one volume, or files.
struct CoverageClass {
    unsigned volume = 0;
    Treated treated = Treated::skipped;
    std::string what; // "content of files", "free space" …
    std::string why;
    bool operator==(const CoverageClass&) const = default;
};

struct CoveredRange {
    Range range;     // of the source
    uint32_t of = 0; // index into classes
};

struct CoverageSum {
    CoverageClass of;
    uint64_t amount = 0; // bytes, or files
};

struct Coverage {
    std::vector<CoverageClass> classes;
    std::vector<CoveredRange> ranges; // ascending, from 0 to the source's end without gap or overlap, neighbours differ
    std::vector<CoverageSum> bytes;   // of the ranges, by class
    std::vector<CoverageSum> files;   // every name of the listing
};

} // namespace kanshiki
