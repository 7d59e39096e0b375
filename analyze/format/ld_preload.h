#pragma once
// /etc/ld.so.preload, ld.so(8): libraries loaded into every program, separated by blanks, newlines or colons; # begins
// a comment.

#include "analyze/format/lines.h"

namespace kanshiki::format {

struct PreloadedLibrary {
    std::string path;
    Spot at;
};

Parsed<PreloadedLibrary> parse_ld_preload(std::string_view text);

} // namespace kanshiki::format
