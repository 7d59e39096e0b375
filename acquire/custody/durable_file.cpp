// Files written whole or not at all, and read whole within a limit.

#include "acquire/custody/files.h"
#include "kanshiki/manifest.h"

#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kanshiki {

void write_file_durably(const std::filesystem::path& path, std::string_view content) {
    static std::atomic<unsigned> count{0};
    const std::filesystem::path temporary =
        path.parent_path() / (".kanshiki-" + std::to_string(::getpid()) + "-" + std::to_string(++count) + ".tmp");
    try {
        const FileDescriptor fd = create_anew(temporary);
        write_all(fd.get(), temporary, std::as_bytes(std::span(content.data(), content.size())), 0);
        if (::fchmod(fd.get(), 0400) != 0) throw_errno(ExitCode::destination, "set the mode of", temporary, errno);
        if (::fsync(fd.get()) != 0) throw_errno(ExitCode::destination, "flush", temporary, errno);
        if (::rename(temporary.c_str(), path.c_str()) != 0) throw_errno(ExitCode::destination, "write", path, errno);
    } catch (...) {
        ::unlink(temporary.c_str());
        throw;
    }
    sync_folder_of(path);
}

void seal_file(const std::filesystem::path& path) {
    const FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
    if (fd.get() < 0) throw_errno(ExitCode::destination, "open", path, errno);
    if (::fchmod(fd.get(), 0400) != 0) throw_errno(ExitCode::destination, "set the mode of", path, errno);
    if (::fsync(fd.get()) != 0) throw_errno(ExitCode::destination, "flush", path, errno);
}

std::string read_file(const std::filesystem::path& path, uint64_t limit, ExitCode code) {
    const FileDescriptor fd = open_to_read(path, code);
    const uint64_t size = regular_size(fd.get(), path, code);
    if (size > limit)
        throw Error(code, path.string() + " has " + std::to_string(size) + " bytes, more than the " +
                              std::to_string(limit) + " allowed");
    std::string out(size, '\0');
    const size_t got = read_upto(fd.get(), path, std::as_writable_bytes(std::span(out.data(), out.size())), 0, code);
    if (got != size) throw Error(code, path.string() + " became shorter while it was read");
    return out;
}

} // namespace kanshiki
