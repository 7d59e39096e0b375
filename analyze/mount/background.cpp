#include "analyze/mount/background.h"

#include "kanshiki/error.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <iostream>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace kanshiki {
namespace {

[[noreturn]] void fail(const char* what) {
    throw Error(ExitCode::internal, std::string(what) + ": " + std::strerror(errno));
}

int wait_for(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR) fail("waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : static_cast<int>(ExitCode::internal);
}

} // namespace

std::optional<int> Readiness::wait_in_parent() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) fail("pipe");
    FileDescriptor reading(ends[0]), writing(ends[1]);
    std::cout.flush();
    const pid_t child = ::fork();
    if (child < 0) fail("fork");
    if (child == 0) {
        ::setsid();
        told_ = std::move(writing);
        nothing_ = FileDescriptor(::open("/dev/null", O_RDWR | O_CLOEXEC)); // the jail will not allow it
        if (!nothing_) fail("/dev/null");
        return std::nullopt;
    }
    writing = FileDescriptor();
    char byte = 0;
    ssize_t got = 0;
    while ((got = ::read(reading.get(), &byte, 1)) < 0 && errno == EINTR) {
    }
    if (got == 1) return 0;
    const int status = wait_for(child);
    if (status == static_cast<int>(ExitCode::internal)) throw Error(ExitCode::internal, "the mount ended by a crash");
    return status;
}

void Readiness::leave_streams() const {
    if (!nothing_) return;
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nothing_.get(), stream);
}

void Readiness::tell() const {
    leave_streams();
    if (told_ && ::write(told_.get(), "", 1) != 1) fail("the command that waits has gone");
}

void unmount(const std::string& folder) {
    if (::umount2(folder.c_str(), MNT_DETACH) == 0 || errno == EINVAL) return; // EINVAL: it is no mount (any more)
    std::string program = "fusermount3", options = "-uzq", separator = "--", name = folder;
    char* words[] = {program.data(), options.data(), separator.data(), name.data(), nullptr};
    pid_t child = 0;
    if (::posix_spawnp(&child, program.c_str(), nullptr, nullptr, words, environ) == 0) wait_for(child);
}

} // namespace kanshiki
