#include "acquire/custody/files.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace kanshiki {

std::string errno_text(int error) { return std::generic_category().message(error); }

void throw_errno(ExitCode code, const char* what, const std::filesystem::path& path, int error) {
    throw Error(code, std::string("cannot ") + what + " " + path.string() + ": " + errno_text(error));
}

bool present(const std::filesystem::path& path) {
    std::error_code ignored;
    return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
}

FileDescriptor open_to_read(const std::filesystem::path& path, ExitCode code) {
    // O_NONBLOCK: opening a FIFO put there by somebody must not hang; it has no effect on regular files.
    FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (fd.get() < 0) throw_errno(code, "open", path, errno);
    regular_size(fd.get(), path, code);
    return fd;
}

uint64_t regular_size(int fd, const std::filesystem::path& path, ExitCode code) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) throw_errno(code, "look at", path, errno);
    if (!S_ISREG(status.st_mode)) throw Error(code, path.string() + " is not a regular file");
    return static_cast<uint64_t>(status.st_size);
}

FileDescriptor create_anew(const std::filesystem::path& path) {
    // Unlinked first: a former file may be 0400, and one that is open elsewhere keeps its content.
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw_errno(ExitCode::destination, "replace", path, errno);
    FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (fd.get() < 0) throw_errno(ExitCode::destination, "create", path, errno);
    return fd;
}

void write_all(int fd, const std::filesystem::path& path, std::span<const std::byte> bytes, uint64_t offset) {
    while (!bytes.empty()) {
        const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) throw_errno(ExitCode::destination, "write", path, n < 0 ? errno : ENOSPC);
        bytes = bytes.subspan(static_cast<size_t>(n));
        offset += static_cast<uint64_t>(n);
    }
}

size_t read_upto(int fd, const std::filesystem::path& path, std::span<std::byte> into, uint64_t offset, ExitCode code) {
    size_t got = 0;
    while (got < into.size()) {
        const ssize_t n = ::pread(fd, into.data() + got, into.size() - got, static_cast<off_t>(offset + got));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw_errno(code, "read", path, errno);
        if (n == 0) break;
        got += static_cast<size_t>(n);
    }
    return got;
}

void reserve_space(int fd, const std::filesystem::path& path, uint64_t size) {
    if (size > 0 && ::fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)) != 0 && errno != EOPNOTSUPP)
        throw_errno(ExitCode::destination, "reserve room for", path, errno);
}

void release_space(int fd, uint64_t used) {
    if (::ftruncate(fd, static_cast<off_t>(used)) != 0) return; // it costs room, nothing else
}

void sync_folder_of(const std::filesystem::path& path) {
    const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
    const FileDescriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.get() < 0) throw_errno(ExitCode::destination, "open", folder, errno);
    // EINVAL: a file system that cannot fsync a folder.
    if (::fsync(fd.get()) != 0 && errno != EINVAL) throw_errno(ExitCode::destination, "flush", folder, errno);
}

} // namespace kanshiki
