// seccomp-BPF (Documentation/userspace-api/seccomp_filter.rst): calls that no parser needs fail with EPERM, in every
// thread of the process. A list of what is refused, not of what is allowed: libraries may use new calls.

#include "analyze/jail/sanitizers.h"

#include <cerrno>
#include <cstddef>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <string>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

namespace kanshiki {

namespace {

#if defined(__x86_64__)
constexpr uint32_t architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t architecture = AUDIT_ARCH_AARCH64;
#else
constexpr uint32_t architecture = 0;
#endif

constexpr long always_refused[] = {
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_setns,
    SYS_unshare,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_open_by_handle_at,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_acct,
    SYS_quotactl,
    SYS_sethostname,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_adjtimex,
    SYS_personality,
    425 /* io_uring_setup: its operations would pass this filter by */,
    428 /* open_tree */,
    429 /* move_mount */,
    430 /* fsopen */,
    438 /* pidfd_getfd */,
    442 /* mount_setattr */,
};

constexpr long refused_offline[] = {
    SYS_socket,  SYS_socketpair, SYS_connect,  SYS_bind, SYS_listen, SYS_accept,
    SYS_accept4, SYS_execve,     SYS_execveat, SYS_kill, SYS_tkill,
#ifdef SYS_fork
    SYS_fork,    SYS_vfork,
#endif
};

class Filter {
public:
    Filter() {
        load(offsetof(seccomp_data, arch));
        add(BPF_JMP | BPF_JEQ | BPF_K, architecture, 1, 0);
        add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
        load(offsetof(seccomp_data, nr));
#if defined(__x86_64__)
        add(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1); // x32: the same calls under other numbers
        add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
#endif
    }
    void refuse(long call, unsigned error = EPERM) {
        add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(call), 0, 1);
        add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error);
    }
    // A new thread, not a new process. clone3's flags are behind a pointer: ENOSYS makes the C library take clone.
    void refuse_processes() {
        refuse(SYS_clone3, ENOSYS);
        add(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4);
        load(offsetof(seccomp_data, args[0]));
        add(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0);
        add(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
        add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    bool apply() {
        add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        const sock_fprog program{static_cast<unsigned short>(code_.size()), code_.data()};
        return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
               ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
    }

private:
    void add(unsigned code, uint32_t value, unsigned yes = 0, unsigned no = 0) {
        code_.push_back({static_cast<uint16_t>(code), static_cast<uint8_t>(yes), static_cast<uint8_t>(no), value});
    }
    void load(size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset)); }

    std::vector<sock_filter> code_;
};

} // namespace

std::string confine_calls(bool network) {
    if (architecture == 0) return {};
    Filter filter;
    for (const long call : always_refused)
        if (!(sanitized && call == SYS_ptrace)) filter.refuse(call);
    const bool offline = !network && !sanitized;
    if (offline) {
        for (const long call : refused_offline) filter.refuse(call);
        filter.refuse_processes();
    }
    if (!filter.apply()) return {};
    if (offline) return "seccomp: no network, no new programs or processes, no tracing";
    return std::string("seccomp: no tracing, mounting or kernel calls; ") +
           (network ? "network and new programs left to the SSH connection" : "a sanitizer build keeps the rest");
}

} // namespace kanshiki
