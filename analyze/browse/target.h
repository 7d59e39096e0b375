#pragma once
// IMAGE[:PATH] as it is typed: a path in an image.

#include <string>

namespace kanshiki {

struct Target {
    std::string image; // what open_image_or_source takes
    std::string path;  // begins with '/', its bytes as typed; empty: none was given
};

// The whole is taken first: an image's own name may hold ':'. Else it is split at the first ":/" before which an
// existing file or device, or a whole ssh:// address, ends.
Target split_target(const std::string& words);

} // namespace kanshiki
