#pragma once
// One LUKS volume: what it is, and its content when a key opens it.

#include "kanshiki/volume.h"

namespace kanshiki::luks {

struct Opened {
    std::string uuid;
    std::string holds;                      // what to say of it, and whether and how it was opened
    std::shared_ptr<VolumeContent> content; // null: not opened
    bool refused = false;                   // none of the keys opens it
    std::vector<std::string> faults;
};

// Nothing when place is no LUKS volume. keys: bytes each; none: it is not tried.
std::optional<Opened> open_luks(BlockSource& source, const Volume& place, const std::vector<std::string>& keys,
                                std::stop_token stop);

} // namespace kanshiki::luks
