#include "acquire/source/file_source.h"

#include "acquire/block/aligned_buffer.h"
#include "acquire/block/file_descriptor.h"
#include "acquire/source/bisect.h"
#include "acquire/source/device_identity.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <thread>

namespace kanshiki {
namespace {

// A volume fresh from a snapshot is slow per read, not per byte: many reads in flight hide it.
constexpr unsigned device_lanes = 32;

class FileSource final : public BlockSource {
public:
    // plain holds a device's exclusive claim; direct reads past the page cache and may be missing.
    FileSource(SourceInfo info, FileDescriptor plain, FileDescriptor direct, bool device)
        : info_(std::move(info)), plain_(std::move(plain)), direct_(std::move(direct)), device_(device) {}

    const SourceInfo& info() const override { return info_; }

    std::vector<Extent> extents(Range within, std::stop_token stop) override;

    void read(Read& read, std::stop_token stop) override {
        read.kind = Kind::data;
        read.bad.clear();
        // A device past the page cache, as it is on the medium; a file through the cache, where it may lie already.
        const ssize_t n = read_once(device_, read.offset, read.into);
        if (n >= 0) {
            read.got = static_cast<size_t>(n);
            return;
        }
        read_around_the_bad(read, stop);
    }

private:
    ssize_t read_once(bool past_the_cache, uint64_t offset, std::span<std::byte> into) const {
        if (past_the_cache && direct_) {
            const ssize_t n = read_at(direct_.get(), offset, into);
            if (n >= 0 || errno != EINVAL) return n; // EINVAL: not aligned as O_DIRECT wants it
        }
        return read_at(plain_.get(), offset, into);
    }

    void read_around_the_bad(Read& read, std::stop_token stop) {
        read.got = std::min<uint64_t>(read.into.size(), *info_.size - std::min(*info_.size, read.offset));
        // Only O_DIRECT sees single sectors; buffered reads lose whole pages or read-ahead windows.
        const uint64_t sector =
            direct_ ? info_.logical_sector : std::max<uint64_t>(info_.logical_sector, AlignedBuffer::alignment);
        const uint64_t start = read.offset / sector * sector;
        const uint64_t end = std::min(*info_.size, (read.offset + read.got + sector - 1) / sector * sector);
        AlignedBuffer whole(end - start);
        const std::vector<Bad> bad = read_bisecting(
            start, whole.span(), {sector, 1},
            [this](uint64_t at, std::span<std::byte> into) { return read_piece(at, into); }, stop);
        std::copy_n(whole.data() + (read.offset - start), read.got, read.into.data());
        for (const Bad& one : bad) {
            const uint64_t from = std::max(one.range.offset, read.offset),
                           to = std::min(one.range.end(), read.offset + read.got);
            if (from < to) read.bad.push_back({{from, to - from}, one.error});
        }
    }

    // 0 or an errno.
    int read_piece(uint64_t offset, std::span<std::byte> into) const {
        const ssize_t n = read_once(true, offset, into);
        if (n == static_cast<ssize_t>(into.size())) return 0;
        const int error = n < 0 ? errno : EIO;
        must_be_there(error);
        return error;
    }

    // A device that went away answers every read with an error: that is a lost source, not unreadable sectors.
    void must_be_there(int error) const {
        uint64_t size = *info_.size;
        const bool answers = !device_ || ::ioctl(plain_.get(), BLKGETSIZE64, &size) == 0;
        if (error == ENODEV || error == ENXIO || error == ENOTCONN || error == ESTALE || !answers ||
            size != *info_.size)
            throw Error(ExitCode::source_lost, info_.uri + ": the source went away: " + std::strerror(error));
    }

    const SourceInfo info_;
    const FileDescriptor plain_, direct_;
    const bool device_;
};

std::vector<Extent> FileSource::extents(Range within, std::stop_token) {
    std::vector<Extent> out;
    for (uint64_t at = within.offset; at < within.end();) {
        const off_t found = ::lseek(plain_.get(), static_cast<off_t>(at), SEEK_DATA);
        if (found < 0 && errno != ENXIO) return {{within, Kind::data}}; // a file system that cannot tell
        const uint64_t data = found < 0 ? within.end() : std::min(static_cast<uint64_t>(found), within.end());
        if (data > at) out.push_back({{at, data - at}, Kind::zero});
        if (data == within.end()) break;
        const off_t hole = ::lseek(plain_.get(), static_cast<off_t>(data), SEEK_HOLE);
        const uint64_t end = hole < 0 ? within.end() : std::min(static_cast<uint64_t>(hole), within.end());
        out.push_back({{data, end - data}, Kind::data});
        at = end;
    }
    return out;
}

unsigned cores() { return std::max(1u, std::thread::hardware_concurrency()); }

[[noreturn]] void cannot_open(const std::string& path) {
    const int error = errno;
    const char* cure = error == EACCES ? " (are you root?)" : "";
    throw Error(ExitCode::refused, path + ": cannot open for reading: " + std::strerror(error) + cure);
}

std::unique_ptr<BlockSource> open_device(const std::string& path, const OpenOptions& options, Events& events) {
    SourceInfo info;
    info.uri = path;
    info.kind = "device";
    FileDescriptor plain(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_EXCL));
    if (!plain && errno == EBUSY) {
        plain = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!plain) cannot_open(path);
        info.live = true;
        info.live_why = who_uses(plain.get());
        if (!options.allow_in_use)
            throw Error(ExitCode::refused, path + ": in use: " + info.live_why +
                                               "; unmount it, or image it as it changes with --allow-in-use");
        events.report(
            {"notice", path + " is in use (" + info.live_why + "): the image will not be of one point in time"});
    }
    if (!plain) cannot_open(path);
    DeviceFacts facts = ask_device(plain.get(), path);
    info.size = facts.size;
    info.logical_sector = facts.logical_sector;
    info.physical_sector = facts.physical_sector;
    info.identity = std::move(facts.identity);
    info.lanes = device_lanes;
    FileDescriptor direct(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT));
    return std::make_unique<FileSource>(std::move(info), std::move(plain), std::move(direct), true);
}

std::unique_ptr<BlockSource> open_regular(const std::string& path, const std::string& kind, FileDescriptor file,
                                          uint64_t size) {
    SourceInfo info;
    info.uri = path;
    info.kind = kind;
    info.size = size;
    info.lanes = cores();
    info.holes = true;
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    FileDescriptor direct(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT));
    return std::make_unique<FileSource>(std::move(info), std::move(file), std::move(direct), false);
}

} // namespace

std::unique_ptr<BlockSource> open_local(const std::string& path, const OpenOptions& options, Events& events) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        throw Error(ExitCode::refused, path + ": no such source: " + std::strerror(errno));
    if (S_ISBLK(status.st_mode)) return open_device(path, options, events);
    if (!S_ISREG(status.st_mode)) throw Error(ExitCode::refused, path + ": neither a block device nor a regular file");
    return open_file_source(path, "file");
}

std::unique_ptr<BlockSource> open_file_source(const std::string& path, const std::string& kind) {
    FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) cannot_open(path);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
        throw Error(ExitCode::refused, path + ": not a regular file");
    return open_regular(path, kind, std::move(file), static_cast<uint64_t>(status.st_size));
}

} // namespace kanshiki
