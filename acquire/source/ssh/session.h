#pragma once
// One SSH connection, checked and logged in. libssh sessions are not thread-safe: one thread uses it at a time.

#include "acquire/source/ssh/uri.h"
#include "acquire/source/ssh/wire.h"
#include "kanshiki/open_source.h"

#include <functional>
#include <libssh/libssh.h>
#include <stop_token>

namespace kanshiki::ssh {

class Session {
public:
    // Throws Error{refused} for what trying again does not mend, Error{source_lost} otherwise.
    Session(const Uri& uri, const SshOptions& options, Events& events, std::stop_token stop);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    ssh_session raw() const { return session_; }
    const SshOptions& options() const { return options_; }
    Events& events() const { return events_; }
    const std::string& name() const { return name_; } // "host port 22", for messages
    const std::string& user() const { return user_; }
    const std::string& host_key() const { return host_key_; } // "SHA256:… (ssh-ed25519)"
    const std::string& cipher() const { return cipher_; }
    const std::string& login_method() const { return method_; }
    std::chrono::milliseconds limit() const { return options_.timeout; }

    // Bytes that came over the wire so far, whatever they were: the sign that the server is alive.
    uint64_t received() const { return counter_.in_bytes; }
    bool connected() const { return ssh_is_connected(session_) != 0; }
    bool is_dropbear() const;
    void take_packets(); // what has come is handed to its channel

    // Repeats a non-blocking libssh call until it no longer says `again`. Throws Error{source_lost} when the limit
    // passes first, Error{interrupted} on a stop request.
    int drive(const std::function<int()>& call, int again, const char* doing, std::stop_token stop);
    // Until something comes, or `other` (a descriptor, or -1) can be read, for at most a slice of 50 ms. False:
    // nothing.
    bool pause(int other = -1);
    // The same for whoever expects much: until a good deal has come, but at most a few milliseconds. To be woken for
    // each packet costs more than the packet.
    bool pause_for_much(int other);
    [[noreturn]] void lost(const std::string& doing); // with what libssh and the proxy said
    void ask_alive();                                 // sends a keepalive; its answer shows in received()

private:
    bool connect(const Uri& uri, const std::string& host_key_types,
                 std::stop_token stop); // false: other host key types are worth a try
    void configure(const Uri& uri, const std::string& host_key_types);
    void open_wire(std::stop_token stop);
    void disconnect() noexcept;
    void wake_at(int bytes);
    std::string last_error() const;

    SshOptions options_;
    Events& events_;
    std::unique_ptr<Wire> wire_;
    ssh_session session_ = nullptr;
    ssh_counter_struct counter_{};
    std::string name_, host_, user_, host_key_, cipher_, method_;
    unsigned port_ = 22;
    int wake_at_ = 1; // bytes
};

} // namespace kanshiki::ssh
