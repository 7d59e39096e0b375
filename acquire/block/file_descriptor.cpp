#include "acquire/block/file_descriptor.h"

#include <cerrno>
#include <unistd.h>

namespace kanshiki {

FileDescriptor::~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
}

ssize_t read_at(int fd, uint64_t offset, std::span<std::byte> into) {
    size_t got = 0;
    while (got < into.size()) {
        const ssize_t n = ::pread(fd, into.data() + got, into.size() - got, static_cast<off_t>(offset + got));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        if (n == 0) break;
        got += static_cast<size_t>(n);
    }
    return static_cast<ssize_t>(got);
}

} // namespace kanshiki
