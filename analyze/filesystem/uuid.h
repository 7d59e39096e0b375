#pragma once
// A UUID as people write it.

#include "kanshiki/digest.h"

#include <span>
#include <string>

namespace kanshiki {

// bytes: 16, in the order of the text.
inline std::string uuid_text(std::span<const std::byte> bytes) {
    std::string hex = to_hex(bytes);
    for (const size_t at : {8, 13, 18, 23}) hex.insert(at, "-");
    return hex;
}

} // namespace kanshiki
