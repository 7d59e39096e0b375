#pragma once
// Is this the host it claims to be?

#include "kanshiki/open_source.h"

#include <libssh/libssh.h>
#include <string>

namespace kanshiki::ssh {

struct HostKey {
    std::string fingerprint; // "SHA256:…" as ssh-keygen -l prints it
    std::string type;        // "ssh-ed25519" …
};
HostKey host_key_of(ssh_session session);

// "SHA256:" and 43 characters of unpadded base64 (padding is taken too). Throws Error{usage}.
std::string normal_fingerprint(const std::string& text);

// Strict, whatever ~/.ssh/config says: throws Error{refused} unless known_hosts has this key for this host.
void check_known_hosts(ssh_session session, const HostKey& key, const std::string& name);

} // namespace kanshiki::ssh
