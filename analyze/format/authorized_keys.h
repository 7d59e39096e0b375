#pragma once
// authorized_keys, sshd(8) "AUTHORIZED_KEYS FILE FORMAT": [options] key-type base64-key [comment].

#include "analyze/format/lines.h"

namespace kanshiki::format {

struct AuthorizedKey {
    struct Option {
        std::string name;  // lower case
        std::string value; // without its quotes
    };
    std::vector<Option> options;
    std::string type;        // "ssh-ed25519"
    std::string fingerprint; // "SHA256:…", as ssh-keygen -l prints it
    std::string comment;
    Spot at;

    const std::string* option(std::string_view name) const; // null when absent
};

Parsed<AuthorizedKey> parse_authorized_keys(std::string_view text);

} // namespace kanshiki::format
