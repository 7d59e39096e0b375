#pragma once
// ssh://[user@]host[:port]/path, RFC 3986 with what we do not need refused rather than guessed.

#include <cstdint>
#include <string>
#include <string_view>

namespace kanshiki::ssh {

struct Uri {
    std::string user;  // empty: ~/.ssh/config or the login name decides
    std::string host;  // a name, an alias of ~/.ssh/config, or an address without brackets
    uint16_t port = 0; // 0: ~/.ssh/config decides, else 22
    std::string path;  // absolute, decoded
    bool operator==(const Uri&) const = default;
};

Uri parse_uri(std::string_view text); // throws Error{usage}

} // namespace kanshiki::ssh
