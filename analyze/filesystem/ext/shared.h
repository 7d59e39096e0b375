#pragma once
// What every file system object over the same volume would find out alike, and the workers of one run need once: the
// journal's overlay, and the deleted files that it still knows.

#include "analyze/filesystem/ext/recovered.h"

#include <memory>
#include <mutex>

namespace kanshiki::ext {

struct Shared {
    std::mutex mutex; // held while either is worked out
    std::shared_ptr<const Overlay> overlay;
    std::shared_ptr<const Recovered> recovered;
};

// The same for the same range of the same source, as long as one of its users lives; a source outlives its users.
std::shared_ptr<Shared> shared_for(const BlockSource& source, Range volume);

} // namespace kanshiki::ext
