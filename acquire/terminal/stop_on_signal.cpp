#include "kanshiki/terminal.h"

#include <atomic>
#include <csignal>
#include <pthread.h>
#include <thread>
#include <unistd.h>

namespace kanshiki {
namespace {

sigset_t stopping() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
    return set;
}

} // namespace

struct StopOnSignal::Watch {
    std::atomic<bool> ending = false;
    std::thread thread;
};

StopOnSignal::StopOnSignal() : watch_(std::make_unique<Watch>()) {
    const sigset_t set = stopping();
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    ::signal(SIGPIPE, SIG_IGN); // a far side or a reader that goes away is an error to be told, not a death
    watch_->thread = std::thread([this, set] {
        for (unsigned seen = 0;;) {
            int signal = 0;
            ::sigwait(&set, &signal);
            if (watch_->ending) return;
            if (++seen > 1) ::_exit(130);
            source_.request_stop();
        }
    });
}

StopOnSignal::~StopOnSignal() {
    watch_->ending = true;
    ::pthread_kill(watch_->thread.native_handle(), SIGHUP);
    watch_->thread.join();
}

} // namespace kanshiki
