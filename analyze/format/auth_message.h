#pragma once
// What sshd, su, sudo and the account tools write to the authentication log (auth.c and auth2.c of OpenSSH, sudo(8),
// shadow-utils). User names in failures are the attacker's choice and may imitate the rest of the line: such lines are
// read from their end.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kanshiki::format {

enum class AuthKind : uint8_t {
    accepted,
    failed,
    invalid_user, // sshd
    sudo,
    su,
    su_failed,
    account_created,
    account_changed,
    password_changed,
};

struct AuthMessage {
    AuthKind kind = AuthKind::failed;
    std::string user;    // who logs in, or whom su and sudo become, or whose account it is
    std::string actor;   // of sudo and su: who asked
    std::string address; // of sshd
    uint16_t port = 0;
    std::string method; // "password", "publickey" …; of publickey also the key: "publickey ED25519 SHA256:…"
    std::string detail; // of sudo the command, of a new account its ids
    bool unknown_user = false;
    uint64_t times = 1; // "message repeated 5 times"
};

std::optional<AuthMessage> parse_auth_message(std::string_view program, std::string_view message);

} // namespace kanshiki::format
