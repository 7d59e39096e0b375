#pragma once
// Compares what an image's chunk list says with the source that it was made from.

#include "kanshiki/chunk_list.h"
#include "kanshiki/events.h"
#include "kanshiki/verify.h"

namespace kanshiki {

// Reads the whole source. Unreadable ranges of it count as zeros, as they did when it was imaged. Throws what reading
// throws.
SourceComparison compare_with_source(const std::filesystem::path& image, BlockSource& source, unsigned threads,
                                     Events& events, std::stop_token stop);

} // namespace kanshiki
