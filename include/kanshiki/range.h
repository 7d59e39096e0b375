#pragma once
// A half-open range of bytes [offset, end). Offsets and sizes are always bytes, unsigned, 64 bit.

#include <cstdint>

namespace kanshiki {

struct Range {
    uint64_t offset = 0;
    uint64_t size = 0;
    uint64_t end() const { return offset + size; } // the maker of a Range has checked that this does not overflow
    bool operator==(const Range&) const = default;
};

} // namespace kanshiki
