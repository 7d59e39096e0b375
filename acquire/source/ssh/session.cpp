#include "acquire/source/ssh/session.h"

#include "acquire/source/ssh/host_key.h"
#include "acquire/source/ssh/login.h"
#include "acquire/source/ssh/shell.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <cstring>
#include <libssh/callbacks.h>
#include <libssh/server.h> // ssh_send_keepalive
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace kanshiki::ssh {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

// A stop request is seen within one slice of a wait.
constexpr auto slice = 50ms;

// AES-GCM is the fastest where the CPU has AES; dropbear has no GCM, tinysshd only chacha20.
constexpr const char* ciphers = "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,"
                                "aes256-ctr,aes192-ctr,aes128-ctr";

// A pinned key may be any of the server's; each group is asked for in turn.
constexpr const char* host_key_groups[] = {
    "", "ssh-ed25519", "ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521", "rsa-sha2-512,rsa-sha2-256"};

std::string one_line(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
    if (text.size() > 500) text.resize(500);
    return text;
}

std::string option(ssh_session session, ssh_options_e which) {
    char* value = nullptr;
    if (ssh_options_get(session, which, &value) != SSH_OK || !value) return {};
    std::string text = value;
    ssh_string_free_char(value);
    return text;
}

void set(ssh_session session, ssh_options_e which, const void* value, const char* what) {
    if (ssh_options_set(session, which, value) != SSH_OK)
        throw Error{ExitCode::refused, std::string(what) + ": " + one_line(ssh_get_error(session))};
}

// ssh_config(5) TOKENS that ProxyCommand takes.
std::string expanded(const std::string& command, const std::string& host, unsigned port, const std::string& user,
                     const std::string& original) {
    std::string out;
    for (size_t i = 0; i < command.size(); ++i) {
        if (command[i] != '%' || i + 1 == command.size()) {
            out += command[i];
            continue;
        }
        switch (command[++i]) {
        case 'h':
            out += host;
            break;
        case 'p':
            out += std::to_string(port);
            break;
        case 'r':
            out += user;
            break;
        case 'n':
            out += original;
            break;
        case '%':
            out += '%';
            break;
        default:
            throw Error{ExitCode::refused,
                        "ProxyCommand: the token %" + std::string(1, command[i]) + " is not known here"};
        }
    }
    return out;
}

// libssh turns `ProxyJump jump` into the ProxyCommand `ssh … -W '[%h]:%p' jump` (config.c). That ssh must read the
// config we were given, and must not ask where we may not.
std::string jump_command(const std::string& command, const SshOptions& options) {
    if (!command.starts_with("ssh ") || command.find(" -W '[%h]:%p' ") == command.npos) return command;
    std::string start = "ssh";
    if (!options.config.empty()) start += " -F " + shell_quoted(options.config);
    if (!options.may_ask) start += " -o BatchMode=yes";
    return start + command.substr(3);
}

} // namespace

Session::Session(const Uri& uri, const SshOptions& options, Events& events, std::stop_token stop)
    : options_(options), events_(events) {
    if (!options_.host_key.empty()) options_.host_key = normal_fingerprint(options_.host_key);
    if (options_.timeout < 1s) options_.timeout = 1s;
    std::string seen;
    try {
        for (const char* types : host_key_groups) {
            if (connect(uri, types, stop)) {
                method_ = log_in(*this, stop);
                events_.report({"login",
                                "logged in as " + user_ + " at " + name_,
                                {{"host", host_},
                                 {"port", std::to_string(port_)},
                                 {"user", user_},
                                 {"method", method_},
                                 {"host_key", host_key_},
                                 {"cipher", cipher_}}});
                return;
            }
            if (!host_key_.empty() && seen.find(host_key_) == seen.npos) seen += (seen.empty() ? "" : ", ") + host_key_;
            host_key_.clear();
            disconnect();
        }
        throw Error{ExitCode::refused, name_ + ": no host key of the server is the pinned " + options_.host_key +
                                           ", it has " + seen + "; someone may stand in between"};
    } catch (...) {
        disconnect();
        throw;
    }
}

Session::~Session() { disconnect(); }

void Session::configure(const Uri& uri, const std::string& host_key_types) {
    session_ = ssh_new();
    if (!session_) throw Error{ExitCode::internal, "libssh: no memory for a session"};
    set(session_, SSH_OPTIONS_HOST, uri.host.c_str(), "host");
    if (!uri.user.empty()) set(session_, SSH_OPTIONS_USER, uri.user.c_str(), "user");
    // Our own order of ciphers comes first, so that the config can overrule it.
    set(session_, SSH_OPTIONS_CIPHERS_C_S, ciphers, "ciphers");
    set(session_, SSH_OPTIONS_CIPHERS_S_C, ciphers, "ciphers");
    const char* config = options_.config.empty() ? nullptr : options_.config.c_str();
    if (config && access(config, R_OK) != 0)
        throw Error{ExitCode::refused, options_.config + ": cannot read the SSH config: " + strerror(errno)};
    if (ssh_options_parse_config(session_, config) != 0)
        throw Error{ExitCode::refused,
                    (config ? options_.config : "~/.ssh/config") + ": " + one_line(ssh_get_error(session_))};
    // What the URI and the options say overrules the config.
    if (!uri.user.empty())
        set(session_, SSH_OPTIONS_USER, uri.user.c_str(), "user");
    else if (option(session_, SSH_OPTIONS_USER).empty())
        set(session_, SSH_OPTIONS_USER, nullptr, "user");
    const unsigned port = uri.port;
    if (port != 0) set(session_, SSH_OPTIONS_PORT, &port, "port");
    if (!options_.known_hosts.empty())
        set(session_, SSH_OPTIONS_KNOWNHOSTS, options_.known_hosts.c_str(), "--known-hosts");
    if (!host_key_types.empty()) set(session_, SSH_OPTIONS_HOSTKEYS, host_key_types.c_str(), "host key types");
    // SSH's own zlib is ten times slower than the wire: only when asked for, whatever the config says.
    set(session_, SSH_OPTIONS_COMPRESSION, options_.compress == "ssh" ? "yes" : "no", "compression");
    const int strict = 1;
    set(session_, SSH_OPTIONS_STRICTHOSTKEYCHECK, &strict, "strict");
    ssh_options_get_port(session_, &port_);
    host_ = option(session_, SSH_OPTIONS_HOST);
    user_ = option(session_, SSH_OPTIONS_USER);
    name_ = host_ + " port " + std::to_string(port_);
}

void Session::open_wire(std::stop_token stop) {
    const std::string proxy = option(session_, SSH_OPTIONS_PROXYCOMMAND);
    if (proxy.empty() || strcasecmp(proxy.c_str(), "none") == 0) {
        wire_ = Wire::tcp(host_, port_, options_.timeout, stop);
        return;
    }
    const std::string command = expanded(jump_command(proxy, options_), host_, port_, user_, host_);
    events_.report({"detail", "connecting through a proxy", {{"command", command}}});
    wire_ = Wire::proxy(command, options_.may_ask);
}

bool Session::connect(const Uri& uri, const std::string& host_key_types, std::stop_token stop) {
    configure(uri, host_key_types);
    open_wire(stop);
    // A duplicate for libssh, which closes its own on an error only (client.c, ssh_disconnect).
    const socket_t fd = dup(wire_->fd());
    set(session_, SSH_OPTIONS_FD, &fd, "socket");
    ssh_set_blocking(session_, 0);
    ssh_set_counters(session_, &counter_, nullptr);
    if (drive([&] { return ssh_connect(session_); }, SSH_AGAIN, "connecting", stop) != SSH_OK) {
        const std::string why = last_error();
        const std::string complaint = one_line(wire_->complaint());
        if (why.find("no match for method server host key") != why.npos && !host_key_types.empty()) return false;
        for (const char* final : {"kex error", "no match for method", "Protocol mismatch", "Failed to parse"})
            if (why.find(final) != why.npos)
                throw Error{ExitCode::refused, name_ + ": no agreement with the server: " + why};
        for (const char* final : {"Host key verification failed", "Permission denied", "REMOTE HOST IDENTIFICATION"})
            if (complaint.find(final) != complaint.npos)
                throw Error{ExitCode::refused, name_ + ": the proxy was refused: " + complaint};
        lost("connecting");
    }
    const HostKey key = host_key_of(session_);
    host_key_ = key.fingerprint + " (" + key.type + ")";
    const char* cipher = ssh_get_cipher_in(session_);
    cipher_ = cipher ? cipher : "";
    if (!options_.host_key.empty()) return key.fingerprint == options_.host_key;
    check_known_hosts(session_, key, name_);
    return true;
}

int Session::drive(const std::function<int()>& call, int again, const char* doing, std::stop_token stop) {
    const auto deadline = Clock::now() + limit();
    for (;;) {
        const int result = call();
        if (result != again) return result;
        if (stop.stop_requested()) throw Error{ExitCode::interrupted, "interrupted"};
        if (Clock::now() >= deadline)
            throw Error{ExitCode::source_lost, name_ + ": no answer for " + std::to_string(options_.timeout.count()) +
                                                   " s while " + doing + "; check the network, or raise --timeout"};
        pause();
    }
}

bool Session::pause(int other) {
    const int wanted = ssh_get_poll_flags(session_);
    pollfd waiting[] = {
        {wire_->fd(), static_cast<short>(POLLIN | ((wanted & SSH_WRITE_PENDING) != 0 ? POLLOUT : 0)), 0},
        {other, POLLIN, 0}};
    return poll(waiting, 2, static_cast<int>(slice.count())) > 0;
}

// SO_RCVLOWAT (socket(7)): poll() says "readable" from so many bytes on. libssh's own polls see it too, so it is 1
// whenever we do not wait.
void Session::wake_at(int bytes) {
    if (bytes == wake_at_) return;
    wake_at_ = bytes;
    setsockopt(wire_->fd(), SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
}

bool Session::pause_for_much(int other) {
    constexpr int much = 128 * 1024, milliseconds = 2;
    wake_at(much);
    pollfd waiting[] = {{wire_->fd(), POLLIN, 0}, {other, POLLIN, 0}};
    poll(waiting, 2, milliseconds);
    wake_at(1);
    return pause(other);
}

std::string Session::last_error() const { return one_line(ssh_get_error(session_)); }

void Session::lost(const std::string& doing) {
    std::string message = name_ + ": the connection broke while " + doing;
    if (const std::string why = last_error(); !why.empty()) message += " (" + why + ")";
    if (const std::string complaint = one_line(wire_->complaint()); !complaint.empty())
        message += "; the proxy said: " + complaint;
    throw Error{ExitCode::source_lost, message};
}

void Session::ask_alive() {
    wire_->complaint(); // a proxy with a full pipe of error messages would stand still
    ssh_send_keepalive(session_);
}

bool Session::is_dropbear() const {
    const char* banner = ssh_get_serverbanner(session_);
    return banner && std::strstr(banner, "dropbear");
}

void Session::take_packets() { ssh_execute_message_callbacks(session_); }

void Session::disconnect() noexcept {
    if (session_) {
        const socket_t fd = ssh_get_fd(session_);
        ssh_disconnect(session_);
        if (fd != SSH_INVALID_SOCKET) close(fd);
        ssh_free(session_);
        session_ = nullptr;
    }
    wire_.reset();
}

} // namespace kanshiki::ssh
