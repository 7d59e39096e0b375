// Landlock (Documentation/userspace-api/landlock.rst), by its system calls: glibc 2.36 has no wrappers.

#include "analyze/jail/sanitizers.h"
#include "kanshiki/digest.h"

#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace kanshiki {

namespace {

// include/uapi/linux/landlock.h; Debian 12's copy ends at ABI 2.
struct Ruleset {
    uint64_t files, network, scoped;
};
struct [[gnu::packed]] BeneathRule {
    uint64_t allowed;
    int32_t parent;
};
constexpr unsigned query_version = 1, rule_beneath = 1;
constexpr uint64_t execute = 1 << 0, write_file = 1 << 1, read_file = 1 << 2, read_folder = 1 << 3,
                   remove_folder = 1 << 4, remove_file = 1 << 5, make_folder = 1 << 7, make_regular = 1 << 8,
                   make_all = 0x1fc0, refer = 1 << 13, truncate = 1 << 14, device_control = 1 << 15;

constexpr long sys_create = 444, sys_add = 445, sys_restrict = 446; // the same on every architecture

// Each ABI adds rights; asking for one that the kernel does not know is an error.
uint64_t known(uint64_t rights, long abi) {
    if (abi < 5) rights &= ~device_control;
    if (abi < 3) rights &= ~truncate;
    if (abi < 2) rights &= ~refer;
    return rights;
}

} // namespace

std::string confine_files(const std::filesystem::path& writable, bool folders, bool may_read) {
    const long abi = ::syscall(sys_create, nullptr, 0, query_version);
    if (abi < 1) return {};
    sha256({});                     // OpenSSL reads its configuration when first used: now, while it may
    if (sanitized) may_read = true; // sanitizers read /proc/self when they report
    uint64_t handled = write_file | remove_folder | remove_file | make_all | refer | truncate;
    if (!may_read) handled |= execute | read_file | read_folder | device_control;
    handled = known(handled, abi);

    Ruleset ruleset{handled, 0, 0};
    size_t size = sizeof(uint64_t);
    if (abi >= 4 && !may_read) ruleset.network = 3, size = 2 * sizeof(uint64_t); // TCP: bind, connect
    if (abi >= 6) ruleset.scoped = 3, size = sizeof ruleset; // abstract sockets and signals stay inside
    const int fd = static_cast<int>(::syscall(sys_create, &ruleset, size, 0));
    if (fd < 0) return {};
    bool held = true;
    if (!writable.empty()) {
        const int folder = ::open(writable.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
        uint64_t allowed = write_file | read_file | read_folder | remove_file | make_regular | truncate;
        if (folders) allowed |= make_folder;
        const BeneathRule rule{handled & allowed, folder};
        held = folder >= 0 && ::syscall(sys_add, fd, rule_beneath, &rule, 0) == 0;
        if (folder >= 0) ::close(folder);
    }
    held = held && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::syscall(sys_restrict, fd, 0) == 0;
    ::close(fd);
    if (!held) return {};
    std::string what = "Landlock: ";
    what += may_read ? "files may be read, " : "no other file may be opened, ";
    return what + (writable.empty() ? "none written" : "only the output folder written");
}

} // namespace kanshiki
