#include "acquire/source/ssh/login.h"

#include "kanshiki/error.h"

#include <cstring>
#include <libssh/callbacks.h>
#include <unistd.h>

namespace kanshiki::ssh {

namespace {

[[noreturn]] void refuse(const std::string& message) { throw Error{ExitCode::refused, message}; }

struct KeyFree {
    void operator()(ssh_key key) const { ssh_key_free(key); }
};
using Key = std::unique_ptr<std::remove_pointer_t<ssh_key>, KeyFree>;

// What libssh calls when a key is encrypted.
struct Passphrase {
    bool may_ask = false;
    bool wanted = false;
};

int ask_passphrase(const char* prompt, char* into, size_t size, int echo, int verify, void* data) {
    Passphrase& passphrase = *static_cast<Passphrase*>(data);
    passphrase.wanted = true;
    if (!passphrase.may_ask) return -1;
    return ssh_getpass(prompt, into, size, echo, verify);
}

enum class Outcome { in, denied, encrypted, missing, unreadable };

class Login {
public:
    Login(Session& session, std::stop_token stop) : session_(session), stop_(stop) {}

    std::string run() {
        if (attempt([&] { return ssh_userauth_none(session_.raw(), nullptr); })) return "none";
        const bool keys = (ssh_userauth_list(session_.raw(), nullptr) & SSH_AUTH_METHOD_PUBLICKEY) != 0;
        const std::string& identity = session_.options().identity;
        if (keys && !identity.empty()) {
            if (with_key(identity)) return "key " + identity;
            // --identity names the one key to use; but its decrypted twin may wait in the agent.
            if (attempt([&] { return ssh_userauth_agent(session_.raw(), nullptr); })) return "agent";
        } else if (keys) {
            if (attempt([&] { return ssh_userauth_agent(session_.raw(), nullptr); })) return "agent";
            const std::string first = first_identity();
            // By hand first: libssh's own round over the keys writes a missing .pub file beside the private key.
            if (!first.empty() && with_key(first)) return "key " + first;
            if (with_other_keys()) return "key of ~/.ssh";
        }
        if (session_.options().may_ask && with_password()) return "password";
        give_up();
    }

private:
    // One authentication request. True: logged in.
    bool attempt(const std::function<int()>& call) {
        const int result = session_.drive(call, SSH_AUTH_AGAIN, "logging in", stop_);
        if (result == SSH_AUTH_SUCCESS) return true;
        partial_ = partial_ || result == SSH_AUTH_PARTIAL;
        if (result == SSH_AUTH_ERROR && !session_.connected()) {
            const std::string why = ssh_get_error(session_.raw());
            // sshd hangs up after MaxAuthTries: that is a refusal, not a lost server.
            if (why.find("Too many authentication failures") != why.npos)
                refuse(session_.name() + ": login refused for " + session_.user() +
                       ": too many keys were tried; name the right one with --identity");
            session_.lost("logging in");
        }
        return false;
    }

    bool with_key(const std::string& file) {
        if (access(file.c_str(), R_OK) != 0) {
            if (!session_.options().identity.empty())
                refuse(file + ": cannot read the private key: " + strerror(errno));
            return false;
        }
        Passphrase passphrase{session_.options().may_ask};
        ssh_key raw = nullptr;
        const int result = ssh_pki_import_privkey_file(file.c_str(), nullptr, ask_passphrase, &passphrase, &raw);
        const Key key(raw);
        if (result != SSH_OK) {
            if (passphrase.wanted)
                encrypted_ = file;
            else if (!session_.options().identity.empty())
                refuse(file + ": not a private key that can be read");
            return false;
        }
        tried_ = true;
        return attempt([&] { return ssh_userauth_publickey(session_.raw(), nullptr, key.get()); });
    }

    bool with_other_keys() {
        ssh_callbacks_struct callbacks{};
        Passphrase passphrase{session_.options().may_ask};
        callbacks.size = sizeof callbacks;
        callbacks.userdata = &passphrase;
        callbacks.auth_function = ask_passphrase;
        ssh_set_callbacks(session_.raw(), &callbacks);
        const bool in = attempt([&] { return ssh_userauth_publickey_auto(session_.raw(), nullptr, nullptr); });
        static ssh_callbacks_struct none = [] {
            ssh_callbacks_struct empty{};
            empty.size = sizeof empty;
            return empty;
        }();
        ssh_set_callbacks(session_.raw(), &none); // libssh keeps the pointer
        if (passphrase.wanted && encrypted_.empty()) encrypted_ = "a key of ~/.ssh";
        return in;
    }

    bool with_password() {
        if ((ssh_userauth_list(session_.raw(), nullptr) & SSH_AUTH_METHOD_PASSWORD) == 0) return false;
        const std::string prompt = session_.user() + "@" + session_.name() + " password: ";
        char password[1024] = {};
        if (ssh_getpass(prompt.c_str(), password, sizeof password, 0, 0) != 0) return false;
        const bool in = attempt([&] { return ssh_userauth_password(session_.raw(), nullptr, password); });
        explicit_bzero(password, sizeof password);
        return in;
    }

    std::string first_identity() {
        char* value = nullptr;
        if (ssh_options_get(session_.raw(), SSH_OPTIONS_IDENTITY, &value) != SSH_OK || !value) return {};
        const std::string file = value;
        ssh_string_free_char(value);
        return file;
    }

    [[noreturn]] void give_up() {
        const std::string who = session_.name() + ": login refused for " + session_.user();
        if (!encrypted_.empty())
            refuse(who + ": " + encrypted_ + " is encrypted and no agent holds it; run ssh-add first" +
                   (session_.options().may_ask ? "" : " (there is no terminal to ask for its passphrase)"));
        if (partial_) refuse(who + ": the server wants a further proof after the key, which cannot be given here");
        const int methods = ssh_userauth_list(session_.raw(), nullptr);
        if ((methods & SSH_AUTH_METHOD_PUBLICKEY) == 0)
            refuse(who + ": the server takes no keys, and a password is asked for only at a terminal");
        refuse(who + (tried_ ? ": the server does not take this key; " : ": the server takes none of the keys; ") +
               "name another with --identity, or check the user name and its authorized_keys");
    }

    Session& session_;
    const std::stop_token stop_;
    std::string encrypted_; // the first key that could not be used for want of its passphrase
    bool tried_ = false;
    bool partial_ = false;
};

} // namespace

std::string log_in(Session& session, std::stop_token stop) { return Login(session, stop).run(); }

} // namespace kanshiki::ssh
