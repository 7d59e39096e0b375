#pragma once
// The analyzers' reading, file by file, in parallel; results merged in the order of the listing.

#include "analyze/triage/coverage.h"

namespace kanshiki {

// What became of every name of the listing, summed up; which bytes were read goes to the ledger.
std::vector<CoverageSum> read_files(BlockSource& source, const TriageOptions& options, TriageResult& result,
                                    CoverageLedger& ledger, Events& events, std::stop_token stop);

} // namespace kanshiki
