#include "analyze/jail/jail.h"

#include "kanshiki/error.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kanshiki {
namespace {

std::atomic<pid_t> child_process = 0;

// What someone sends to us is meant for the child; what the terminal sends has reached it already.
void forward(int signal, siginfo_t* info, void*) {
    if (info->si_code <= 0) ::kill(child_process, signal);
}

int wait_for(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR) throw Error(ExitCode::internal, std::string("waitpid: ") + std::strerror(errno));
    return status;
}

} // namespace

std::optional<int> run_in_child(const std::string& what, const std::function<void()>& in_parent) {
    std::cout.flush();
    std::cerr.flush();
    // Held back until there is someone to forward to: a signal that comes right after the fork must not end us alone.
    constexpr int signals[] = {SIGINT, SIGTERM, SIGHUP};
    sigset_t held, mask;
    ::sigemptyset(&held);
    for (const int each : signals) ::sigaddset(&held, each);
    ::pthread_sigmask(SIG_BLOCK, &held, &mask);
    const pid_t parent = ::getpid(), child = ::fork();
    if (child < 0) {
        const int error = errno;
        ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
        throw Error(ExitCode::internal, std::string("fork: ") + std::strerror(error));
    }
    if (child == 0) {
        ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(static_cast<int>(ExitCode::interrupted));
        const rlimit none{};
        ::setrlimit(RLIMIT_CORE, &none); // evidence does not belong into a core file
        return std::nullopt;
    }
    child_process = child;
    struct sigaction action {
    }, before[3];
    action.sa_sigaction = forward;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    for (unsigned index = 0; index < 3; index++) ::sigaction(signals[index], &action, &before[index]);
    ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
    in_parent();
    const int status = wait_for(child);
    for (unsigned index = 0; index < 3; index++) ::sigaction(signals[index], &before[index], nullptr);
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    const int signal = WTERMSIG(status);
    for (const int each : signals)
        if (signal == each) return static_cast<int>(ExitCode::interrupted);
    throw Error(ExitCode::internal, what + ": the reader of file systems was ended by signal " +
                                        std::to_string(signal) + " (" + strsignal(signal) +
                                        "); nothing was written, and the fault is ours: please report it");
}

} // namespace kanshiki
