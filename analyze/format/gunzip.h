#pragma once
// gzip files (RFC 1952, several members too), inflated piece by piece in bounded memory.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace kanshiki::format {

struct Gunzipped {
    uint64_t size = 0;     // bytes given
    bool complete = false; // up to the end of a sound last member
    std::string why;       // when not complete
};

// `next` gives the compressed bytes, nothing at their end. Stops after `limit` bytes of output (a bomb).
Gunzipped gunzip(const std::function<std::string_view()>& next, uint64_t limit,
                 const std::function<void(std::string_view)>& out);

} // namespace kanshiki::format
