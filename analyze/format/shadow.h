#pragma once
// /etc/shadow, shadow(5): name, password, and days since 1970-01-01. Missing fields at the end are taken as empty.

#include "analyze/format/lines.h"

namespace kanshiki::format {

struct ShadowEntry {
    std::string name, password;
    std::optional<int64_t> last_change; // days
    std::optional<int64_t> expires;     // days
    Spot at; // its text has the digest in the password field withheld: reports travel further than evidence
};

Parsed<ShadowEntry> parse_shadow(std::string_view text);

// The line with its second field (of ':') cut down to method and salt.
std::string withhold_digest(std::string_view line);

} // namespace kanshiki::format
