#pragma once
// The analyzers' reading, file by file, in parallel; results merged in the order of the listing.

#include "kanshiki/triage.h"

namespace kanshiki {

void read_files(BlockSource& source, const TriageOptions& options, TriageResult& result, Events& events,
                std::stop_token stop);

} // namespace kanshiki
