#include "acquire/source/ssh/wire.h"

#include "kanshiki/error.h"

#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

extern char** environ;

namespace kanshiki::ssh {

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void lost(const std::string& message) { throw Error{ExitCode::source_lost, message}; }

constexpr int64_t slice = 50; // ms: a stop request is seen within one slice of a wait

void interrupted_by(std::stop_token stop) {
    if (stop.stop_requested()) throw Error{ExitCode::interrupted, "interrupted"};
}

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

struct Lookup {
    std::mutex mutex;
    std::condition_variable_any ready;
    bool done = false;
    int error = 0;
    std::vector<Address> found;
};

// getaddrinfo has no limit of its own, so it runs in a thread that is left behind when it takes too long; all it
// touches it shares.
std::vector<Address> look_up(const std::string& host, unsigned port, std::chrono::milliseconds limit,
                             std::stop_token stop) {
    const auto lookup = std::make_shared<Lookup>();
    std::thread([lookup, host, service = std::to_string(port)] {
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        addrinfo* list = nullptr;
        const int error = getaddrinfo(host.c_str(), service.c_str(), &hints, &list);
        const std::lock_guard lock(lookup->mutex);
        for (const addrinfo* entry = error == 0 ? list : nullptr; entry; entry = entry->ai_next) {
            Address& address = lookup->found.emplace_back();
            memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
            address.size = entry->ai_addrlen;
        }
        if (error == 0) freeaddrinfo(list);
        lookup->error = error;
        lookup->done = true;
        lookup->ready.notify_one();
    }).detach();
    std::unique_lock lock(lookup->mutex);
    if (!lookup->ready.wait_for(lock, stop, limit, [&] { return lookup->done; })) {
        interrupted_by(stop);
        lost(host + ": no answer to the name look-up; check the name and the resolver, or raise --timeout");
    }
    if (lookup->error != 0) lost(host + ": host name not found (" + gai_strerror(lookup->error) + ")");
    return lookup->found;
}

// A connected socket, or -1 with why.
int connect_to(const Address& address, Clock::time_point deadline, std::stop_token stop, std::string& why) {
    const int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        why = strerror(errno);
        return -1;
    }
    int error = connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
        pollfd waiting{fd, POLLOUT, 0};
        int ready = 0;
        do {
            const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
            if (left <= 0) break;
            ready = poll(&waiting, 1, static_cast<int>(std::min<int64_t>(left, slice)));
        } while (ready <= 0 && !stop.stop_requested());
        socklen_t size = sizeof error;
        if (ready <= 0)
            error = ETIMEDOUT;
        else
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error != 0) {
        why = strerror(error);
        close(fd);
        return -1;
    }
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    return fd;
}

} // namespace

std::unique_ptr<Wire> Wire::tcp(const std::string& host, unsigned port, std::chrono::milliseconds limit,
                                std::stop_token stop) {
    const auto deadline = Clock::now() + limit;
    std::unique_ptr<Wire> wire(new Wire);
    std::string why = "no address";
    for (const Address& address : look_up(host, port, limit, stop)) {
        wire->fd_ = connect_to(address, deadline, stop, why);
        if (wire->fd_ >= 0) return wire;
        interrupted_by(stop);
    }
    lost(host + " port " + std::to_string(port) + ": cannot connect: " + why);
}

std::unique_ptr<Wire> Wire::proxy(const std::string& command, bool may_ask) {
    std::unique_ptr<Wire> wire(new Wire);
    int sockets[2], errors[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
        lost(std::string("ProxyCommand: ") + strerror(errno));
    wire->fd_ = sockets[0];
    fcntl(wire->fd_, F_SETFL, O_NONBLOCK);
    if (pipe2(errors, O_CLOEXEC | O_NONBLOCK) != 0) {
        close(sockets[1]);
        lost(std::string("ProxyCommand: ") + strerror(errno));
    }
    wire->errors_ = errors[0];
    fcntl(errors[1], F_SETFL, 0);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, sockets[1], 0);
    posix_spawn_file_actions_adddup2(&actions, sockets[1], 1);
    posix_spawn_file_actions_adddup2(&actions, errors[1], 2);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    // A session of its own: it has no terminal to ask at, and the Ctrl-C that asks us for a checkpoint does not cut
    // the line first. One that may ask must stay in the terminal's foreground group.
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes,
                             static_cast<short>(POSIX_SPAWN_SETSIGMASK | (may_ask ? 0 : POSIX_SPAWN_SETSID)));
    const std::string line = "exec " + command;
    const char* argv[] = {"sh", "-c", line.c_str(), nullptr};
    const int error = posix_spawn(&wire->proxy_, "/bin/sh", &actions, &attributes, const_cast<char**>(argv), environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close(sockets[1]);
    close(errors[1]);
    if (error != 0) {
        wire->proxy_ = -1;
        lost(std::string("ProxyCommand: ") + strerror(error));
    }
    return wire;
}

std::string Wire::complaint() {
    if (errors_ < 0) return {};
    char buffer[4096];
    ssize_t got = 0;
    // Bounded by turns, not by time: a proxy that talks without end must not hold us.
    for (int turn = 0; turn < 256 && (got = ::read(errors_, buffer, sizeof buffer)) > 0; ++turn) {
        said_.append(buffer, static_cast<size_t>(got));
        if (said_.size() > 16384) said_.erase(0, said_.size() - 8192);
    }
    std::string text = said_;
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    const size_t line = text.rfind('\n');
    return line == text.npos ? text : text.substr(line + 1);
}

Wire::~Wire() {
    if (fd_ >= 0) close(fd_);
    if (errors_ >= 0) close(errors_);
    if (proxy_ <= 0) return;
    kill(proxy_, SIGTERM);
    for (int turn = 0; turn < 100; ++turn) {
        if (waitpid(proxy_, nullptr, WNOHANG) != 0) return;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    kill(proxy_, SIGKILL);
    waitpid(proxy_, nullptr, 0);
}

} // namespace kanshiki::ssh
