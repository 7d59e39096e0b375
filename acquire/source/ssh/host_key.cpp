#include "acquire/source/ssh/host_key.h"

#include "kanshiki/error.h"

#include <fstream>
#include <memory>
#include <sstream>

namespace kanshiki::ssh {

namespace {

[[noreturn]] void refuse(const std::string& message) { throw Error{ExitCode::refused, message}; }

struct KeyFree {
    void operator()(ssh_key key) const { ssh_key_free(key); }
};
using Key = std::unique_ptr<std::remove_pointer_t<ssh_key>, KeyFree>;

Key server_key(ssh_session session) {
    ssh_key key = nullptr;
    if (ssh_get_server_publickey(session, &key) != SSH_OK) refuse("the server showed no host key");
    return Key(key);
}

std::string option(ssh_session session, ssh_options_e which) {
    char* value = nullptr;
    if (ssh_options_get(session, which, &value) != SSH_OK || !value) return {};
    std::string text = value;
    ssh_string_free_char(value);
    return text;
}

// libssh skips lines with markers; a revoked key (sshd(8), "@revoked") must be refused all the same. Host patterns
// are left aside: a key revoked for any host is trusted for none.
bool revoked(const std::string& file, const std::string& base64) {
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
        if (!line.starts_with("@revoked")) continue;
        std::istringstream words(line);
        for (std::string word; words >> word;)
            if (word == base64) return true;
    }
    return false;
}

} // namespace

HostKey host_key_of(ssh_session session) {
    const Key key = server_key(session);
    unsigned char* hash = nullptr;
    size_t size = 0;
    if (ssh_get_publickey_hash(key.get(), SSH_PUBLICKEY_HASH_SHA256, &hash, &size) != 0)
        refuse("the server's host key cannot be hashed");
    char* text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, size);
    HostKey out{text ? text : "", ssh_key_type_to_char(ssh_key_type(key.get()))};
    if (text) ssh_string_free_char(text);
    ssh_clean_pubkey_hash(&hash);
    return out;
}

std::string normal_fingerprint(const std::string& text) {
    std::string out = text;
    while (out.ends_with('=')) out.pop_back();
    constexpr size_t prefix = 7, digits = 43; // 32 bytes in base64 without padding
    if (!out.starts_with("SHA256:") || out.size() != prefix + digits ||
        out.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", prefix) != out.npos)
        throw Error{ExitCode::usage,
                    "--host-key wants SHA256: and 43 characters of base64, as `ssh-keygen -l` prints it"};
    return out;
}

void check_known_hosts(ssh_session session, const HostKey& key, const std::string& name) {
    const int strict = 1; // `StrictHostKeyChecking no` would make libssh say "known" to everything
    ssh_options_set(session, SSH_OPTIONS_STRICTHOSTKEYCHECK, &strict);
    const std::string shown = key.fingerprint + " (" + key.type + ")";

    char* base64 = nullptr;
    if (ssh_pki_export_pubkey_base64(server_key(session).get(), &base64) == SSH_OK && base64) {
        const std::string blob = base64;
        ssh_string_free_char(base64);
        for (const auto which : {SSH_OPTIONS_KNOWNHOSTS, SSH_OPTIONS_GLOBAL_KNOWNHOSTS})
            if (revoked(option(session, which), blob))
                refuse(name + ": the host key " + shown + " is marked @revoked in " + option(session, which));
    }
    switch (ssh_session_is_known_server(session)) {
    case SSH_KNOWN_HOSTS_OK:
        return;
    case SSH_KNOWN_HOSTS_CHANGED:
        refuse(name + ": THE HOST KEY HAS CHANGED, it is now " + shown +
               "; someone may stand in between. If the change is explained, mend " +
               option(session, SSH_OPTIONS_KNOWNHOSTS) + " or pin the key with --host-key " + key.fingerprint);
    case SSH_KNOWN_HOSTS_OTHER:
        refuse(name + ": known_hosts has a host key of another type than the server's " + shown +
               "; someone may stand in between. Check the key by another way, then pin it with --host-key " +
               key.fingerprint);
    case SSH_KNOWN_HOSTS_NOT_FOUND:
    case SSH_KNOWN_HOSTS_UNKNOWN:
        refuse(name + ": unknown host key " + shown +
               "; check it by another way (the host's console), then pin it with --host-key " + key.fingerprint +
               " or add it to known_hosts");
    case SSH_KNOWN_HOSTS_ERROR:
        break;
    }
    refuse(name + ": known_hosts cannot be read: " + ssh_get_error(session));
}

} // namespace kanshiki::ssh
