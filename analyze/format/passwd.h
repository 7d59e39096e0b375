#pragma once
// /etc/passwd, passwd(5), as glibc's files database reads it, which is laxer than the manual: blanks before a name or a
// number, a sign before the number, missing fields after the group are all accepted by it, so they are by us.

#include "analyze/format/lines.h"

namespace kanshiki::format {

struct PasswdEntry {
    std::string name, password;
    uint32_t uid = 0, gid = 0;
    std::string gecos, home, shell; // an empty shell means /bin/sh
    bool compat = false;            // "+name" or "-name": NIS compatibility, nsswitch.conf(5)
    Spot at;
};

Parsed<PasswdEntry> parse_passwd(std::string_view text);

// A uid or gid as glibc takes it: blanks, a sign, decimal digits; at most 2^32 - 1.
std::optional<uint32_t> account_number(std::string_view field);

} // namespace kanshiki::format
