// kanshiki-agent PATH TIMEOUT RETRIES NICE: reads PATH and nothing else, for the kanshiki at the other end of its
// standard input and output.
#include "acquire/agent/serve.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstring>
#include <exception>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

void complain(const std::string& line) {
    const std::string text = "kanshiki-agent: " + line + "\n";
    if (write(STDERR_FILENO, text.data(), text.size()) < 0) return; // there is nobody else to tell
}

bool number(const char* text, unsigned least, unsigned most, unsigned& out) {
    const char* end = text + std::strlen(text);
    const auto [at, error] = std::from_chars(text, end, out);
    return error == std::errc{} && at == end && out >= least && out <= most;
}

// The lowest of the best-effort class (linux/ioprio.h: class 2, level 7), so that the host's own reads go first.
void step_back(unsigned nice) {
    if (nice == 0) return;
    setpriority(PRIO_PROCESS, 0, static_cast<int>(nice));
    syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 7);
}

// Not more than keeps the agent under 256 MiB when a client asks for the largest reads at the highest level (a
// compressor then takes 17 MiB), and leaves a large host something.
constexpr unsigned most_cores = 8;

unsigned cores() {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? std::min(most_cores, static_cast<unsigned>(CPU_COUNT(&set)))
                                                       : 1;
}

} // namespace

int main(int count, char** arguments) {
    unsigned timeout = 0, retries = 0, nice = 0;
    if (count != 5 || !number(arguments[2], 1, 86400, timeout) || !number(arguments[3], 0, 100, retries) ||
        !number(arguments[4], 0, 19, nice)) {
        complain("PATH TIMEOUT(1..86400) RETRIES(0..100) NICE(0..19); it is started by kanshiki acquire");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    step_back(nice);
    int status = 70;
    std::string why;
    try {
        const std::chrono::seconds limit(timeout);
        const auto file = kanshiki::agent::open_volume(arguments[1], retries, limit);
        kanshiki::agent::ServeOptions options;
        options.timeout = limit;
        options.cores = cores();
        status = kanshiki::agent::serve(STDIN_FILENO, STDOUT_FILENO, file, options, why);
        if (!why.empty()) complain(why);
        _exit(status); // threads may hang in reads
    } catch (const std::exception& error) {
        complain(error.what());
        status = 6;
    }
    return status;
}
