#include "acquire/evidence/partial_file.h"

#include "kanshiki/error.h"
#include "kanshiki/evidence_sink.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kanshiki {
namespace {

// Write-back is begun every so often, so that a checkpoint finds little left to wait for.
constexpr uint64_t write_back_every = 8 * 1024 * 1024;

} // namespace

PartialFile::PartialFile(const std::filesystem::path& image, Mode mode)
    : PartialFile(image, partial_path(image), mode) {}

PartialFile::PartialFile(const std::filesystem::path& image, const std::filesystem::path& partial, Mode mode)
    : image_(image), partial_(partial) {
    const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (mode == Mode::create ? O_CREAT | O_EXCL : 0);
    fd_ = FileDescriptor(::open(partial_.c_str(), flags, 0600));
    if (!fd_) fail(mode == Mode::create ? "cannot create" : "cannot open");
    direct_ = DirectWriter::open(partial_, fd_.get());
}

void PartialFile::fail(const char* what) const {
    const int error = errno;
    const char* cure = error == ENOSPC || error == EDQUOT ? "; make room" : "";
    throw Error(ExitCode::destination, partial_.string() + ": " + what + ": " + std::strerror(error) + cure);
}

void PartialFile::write(uint64_t offset, std::span<const std::byte> bytes) {
    if (direct_) {
        errno = direct_->write(offset, bytes);
        if (errno != 0) fail("cannot write");
        return;
    }
    const uint64_t end = offset + bytes.size();
    while (!bytes.empty()) {
        const ssize_t n = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail("cannot write");
        bytes = bytes.subspan(static_cast<size_t>(n));
        offset += static_cast<uint64_t>(n);
    }
    if (end >= started_ + write_back_every) {
        ::sync_file_range(fd_.get(), static_cast<off_t>(started_), static_cast<off_t>(end - started_),
                          SYNC_FILE_RANGE_WRITE); // a hint
        started_ = end;
    }
}

void PartialFile::resize(uint64_t size) {
    flush();
    if (direct_) direct_->forget();
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) fail("cannot set the size of");
}

void PartialFile::flush() {
    errno = direct_ ? direct_->flush() : 0;
    if (errno != 0) fail("cannot write");
}

void PartialFile::sync() {
    flush();
    if (::fdatasync(fd_.get()) != 0) fail("cannot flush");
}

void PartialFile::publish() {
    if (::fchmod(fd_.get(), 0400) != 0) fail("cannot make read-only");
    if (::fsync(fd_.get()) != 0) fail("cannot flush");
    if (::rename(partial_.c_str(), image_.c_str()) != 0) fail("cannot rename");
    const std::filesystem::path folder = image_.has_parent_path() ? image_.parent_path() : ".";
    const FileDescriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened || ::fsync(opened.get()) != 0) fail("cannot flush the folder of");
}

} // namespace kanshiki
