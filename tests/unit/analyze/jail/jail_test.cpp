#include "analyze/jail/jail.h"

#include "analyze/jail/sanitizers.h"
#include "kanshiki/error.h"
#include "unit/analyze/filesystem/images.h"

#include <csignal>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace kanshiki;
using namespace kanshiki::test;

namespace {

// Confines a child of the test and has it try things; the number of the first that went wrong is its exit status.
template<class Try>
int confined(const JailRules& rules, const Try& attempt) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(attempt(confine(rules)));
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

bool can_write(const std::filesystem::path& path) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) ::close(fd);
    return fd >= 0;
}

} // namespace

TEST(Jail, OnlyTheFolderCanBeWritten) {
    Folder folder, other;
    write(other / "evidence", "e");
    const int open_before = ::open((other / "evidence").c_str(), O_RDONLY);
    EXPECT_EQ(confined({folder.path(), false},
                       [&](const std::vector<std::string>& held) {
                           if (held.size() != 2) return 1;
                           if (can_write(other / "new")) return 2;
                           if (can_write(other / "evidence")) return 3;
                           if (!can_write(folder / "report")) return 4;
                           if (::rename((folder / "report").c_str(), (folder / "renamed").c_str()) != 0) return 5;
                           if (::unlink((other / "evidence").c_str()) == 0) return 6;
                           char byte = 0;
                           if (::read(open_before, &byte, 1) != 1 || byte != 'e') return 7;
                           if (!sanitized && ::open("/etc/passwd", O_RDONLY) >= 0) return 8;
                           return 0;
                       }),
              0);
    ::close(open_before);
    EXPECT_FALSE(std::filesystem::exists(other / "new"));
}

TEST(Jail, NoNetworkNoProgramsNoTracingButThreads) {
    Folder folder;
    EXPECT_EQ(confined({folder.path(), false},
                       [&](const std::vector<std::string>&) {
                           if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 && !sanitized) return 1;
                           if (sanitized) return 0;
                           if (::socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EPERM) return 2;
                           if (::fork() >= 0) return 3;
                           ::execl("/bin/true", "true", nullptr); // would end this with status 0
                           int seen = 0;
                           std::thread([&] { seen = ::socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? 1 : 2; }).join();
                           return seen == 1 ? 0 : 4;
                       }),
              0);
}

TEST(Jail, AThreadThatWasThereBeforeIsConfinedToo) {
    Folder folder;
    EXPECT_EQ(confined({folder.path(), false}, [&](const std::vector<std::string>&) { return 0; }), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        std::atomic<int> step = 0;
        int result = 0;
        std::thread early([&] {
            while (step == 0) std::this_thread::yield();
            // Not where it would work: a traced thread that ends waits for a tracer that does not look.
            result = !sanitized && ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 1 : 0;
        });
        confine({folder.path(), false});
        step = 1;
        early.join();
        ::_exit(result);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
}

TEST(Jail, TheNetworkIsLeftToARemoteSource) {
    Folder folder, other;
    EXPECT_EQ(confined({folder.path(), true},
                       [&](const std::vector<std::string>& held) {
                           if (held.size() != 2) return 1;
                           if (::socket(AF_INET, SOCK_STREAM, 0) < 0) return 2;
                           if (::open("/etc/passwd", O_RDONLY) < 0) return 3;
                           if (can_write(other / "new")) return 4;
                           return can_write(folder / "report") ? 0 : 5;
                       }),
              0);
}

TEST(RunInChild, GivesTheChildsStatus) {
    const auto status = run_in_child("test");
    if (!status) ::_exit(11);
    EXPECT_EQ(*status, 11);
}

TEST(RunInChild, ACrashIsOneLine) {
    try {
        if (const auto status = run_in_child("disk.img"); !status) {
            ::signal(SIGSEGV, SIG_DFL);
            ::raise(SIGSEGV);
            ::_exit(0);
        }
        FAIL() << "the crash was not told";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::internal);
        EXPECT_THAT(error.what(), testing::HasSubstr("disk.img: the reader of file systems was ended by signal 11"));
    }
}

TEST(RunInChild, SignalsReachTheChildOnce) {
    const pid_t self = ::getpid();
    const auto status = run_in_child("test");
    if (!status) { // the parent is told to stop by someone else; the child counts what reaches it
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        ::sigprocmask(SIG_BLOCK, &set, nullptr);
        ::kill(self, SIGTERM);
        int signal = 0;
        ::sigwait(&set, &signal);
        sigset_t pending;
        ::sigpending(&pending);
        ::_exit(signal == SIGTERM && !sigismember(&pending, SIGTERM) ? 130 : 1);
    }
    EXPECT_EQ(*status, 130);
}
