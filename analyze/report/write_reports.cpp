#include "kanshiki/error.h"
#include "kanshiki/triage.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <ostream>
#include <streambuf>
#include <sys/stat.h>
#include <unistd.h>

namespace kanshiki {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const char* what) {
    throw Error(ExitCode::destination, path.string() + ": " + what + ": " + std::strerror(errno));
}

// A file under a temporary name until commit(); a report of a million lines is never whole in memory.
class ReportFile : public std::streambuf {
public:
    explicit ReportFile(std::filesystem::path path)
        : path_(std::move(path)), partial_(path_.string() + ".partial"), buffer_(256 * 1024) {
        fd_ = ::open(partial_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd_ < 0) fail(partial_, "cannot be created");
        setp(buffer_.data(), buffer_.data() + buffer_.size());
    }
    ~ReportFile() override {
        if (fd_ < 0) return;
        ::close(fd_);
        ::unlink(partial_.c_str());
    }
    ReportFile(const ReportFile&) = delete;
    ReportFile& operator=(const ReportFile&) = delete;

    void commit() {
        flush();
        if (::fchmod(fd_, 0400) != 0 || ::fsync(fd_) != 0) fail(partial_, "cannot be flushed");
        if (::close(std::exchange(fd_, -1)) != 0) fail(partial_, "cannot be closed");
        if (::rename(partial_.c_str(), path_.c_str()) != 0) fail(path_, "cannot be named");
    }

protected:
    int_type overflow(int_type next) override {
        flush();
        if (!traits_type::eq_int_type(next, traits_type::eof())) sputc(traits_type::to_char_type(next));
        return traits_type::not_eof(next);
    }
    int sync() override {
        flush();
        return 0;
    }

private:
    void flush() {
        for (const char* from = pbase(); from < pptr();) {
            const ssize_t wrote = ::write(fd_, from, static_cast<size_t>(pptr() - from));
            if (wrote < 0 && errno != EINTR) fail(partial_, "cannot be written");
            if (wrote > 0) from += wrote;
        }
        setp(buffer_.data(), buffer_.data() + buffer_.size());
    }

    std::filesystem::path path_, partial_;
    std::vector<char> buffer_;
    int fd_ = -1;
};

} // namespace

void write_reports(const TriageResult& result, const std::filesystem::path& folder) {
    for (const Report& report : reports()) {
        ReportFile file(folder / report.file);
        std::ostream out(&file);
        out.exceptions(std::ios::badbit); // so that what the file throws comes through
        report.write(result, out);
        file.commit();
    }
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || ::fsync(fd) != 0) {
        if (fd >= 0) ::close(fd);
        fail(folder, "cannot be flushed");
    }
    ::close(fd);
}

} // namespace kanshiki
