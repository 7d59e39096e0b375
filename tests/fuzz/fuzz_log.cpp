// Whatever a log holds, reading it ends with a place and a reason; and what reopen accepts can be gone on with.
#include "kanshiki/audit_log.h"
#include "kanshiki/error.h"

#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const int fd = ::memfd_create("log", MFD_CLOEXEC);
    if (fd < 0 || ::write(fd, data, size) != static_cast<ssize_t>(size)) std::abort();
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    const kanshiki::LogCheck check = kanshiki::check_log(path, {"*"});
    if (check.lines.size() != check.entries || check.good_size > size) std::abort();
    if ((check.broken_at || check.torn) && check.why.empty()) std::abort();
    if (!check.broken_at && !check.torn && check.good_size != size) std::abort();
    for (const kanshiki::LogLine& line : check.lines) {
        kanshiki::log_string(line, "source");
        kanshiki::log_uint(line, "size");
        kanshiki::log_strings(line, "arguments");
    }
    ::close(fd);
    return 0;
}
