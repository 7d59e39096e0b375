#include "acquire/source/file_source.h"

#include "acquire/block/opened_file.h"
#include "acquire/source/device_identity.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>

namespace kanshiki {
namespace {

// A volume fresh from a snapshot is slow per read, not per byte: many reads in flight hide it.
constexpr unsigned device_lanes = 32, file_lanes = 8;

class FileSource final : public BlockSource {
public:
    FileSource(SourceInfo info, OpenedFile file) : info_(std::move(info)), file_(std::move(file)) {}
    const SourceInfo& info() const override { return info_; }
    std::vector<Extent> extents(Range within, std::stop_token) override { return file_.extents(within); }
    void read(Read& read, std::stop_token stop) override { file_.read(read, stop); }

private:
    const SourceInfo info_;
    const OpenedFile file_; // plain holds a device's exclusive claim
};

[[noreturn]] void cannot_open(const std::string& path) {
    const int error = errno;
    const char* cure = error == EACCES ? " (are you root?)" : "";
    throw Error(ExitCode::refused, path + ": cannot open for reading: " + std::strerror(error) + cure);
}

void admit_live(SourceInfo& info, const std::string& why, const OpenOptions& options, Events& events) {
    info.live = true;
    info.live_why = why;
    if (!options.allow_in_use)
        throw Error(ExitCode::refused,
                    info.uri + ": in use: " + why + "; unmount it, or image it as it changes with --allow-in-use");
    events.report({"notice", info.uri + " is in use (" + why + "): the image will not be of one point in time"});
}

std::unique_ptr<BlockSource> open_device(const std::string& path, const OpenOptions& options, Events& events) {
    SourceInfo info;
    info.uri = path;
    info.kind = "device";
    FileDescriptor plain(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_EXCL));
    if (!plain && errno == EBUSY) {
        plain = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!plain) cannot_open(path);
        admit_live(info, who_uses(plain.get()), options, events);
    }
    if (!plain) cannot_open(path);
    DeviceFacts facts = ask_device(plain.get(), path);
    info.size = facts.size;
    info.logical_sector = facts.logical_sector;
    info.physical_sector = facts.physical_sector;
    info.identity = std::move(facts.identity);
    info.lanes = device_lanes;
    FileDescriptor direct(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT));
    OpenedFile file{.name = path,
                    .plain = std::move(plain),
                    .direct = std::move(direct),
                    .device = true,
                    .size = facts.size,
                    .logical_sector = facts.logical_sector,
                    .retries = options.retries};
    return std::make_unique<FileSource>(std::move(info), std::move(file));
}

// Fills in the rest of `info`.
std::unique_ptr<BlockSource> open_regular(SourceInfo info, unsigned retries) {
    const std::string path = info.uri;
    FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) cannot_open(path);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
        throw Error(ExitCode::refused, path + ": not a regular file");
    const uint64_t size = static_cast<uint64_t>(status.st_size);
    info.size = size;
    info.lanes = file_lanes;
    info.holes = true;
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    FileDescriptor direct(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT));
    OpenedFile opened{.name = path,
                      .plain = std::move(file),
                      .direct = std::move(direct),
                      .from_cache = true,
                      .size = size,
                      .retries = retries};
    return std::make_unique<FileSource>(std::move(info), std::move(opened));
}

} // namespace

std::unique_ptr<BlockSource> open_local(const std::string& path, const OpenOptions& options, Events& events) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        throw Error(ExitCode::refused, path + ": no such source: " + std::strerror(errno));
    if (S_ISBLK(status.st_mode)) return open_device(path, options, events);
    if (!S_ISREG(status.st_mode)) throw Error(ExitCode::refused, path + ": neither a block device nor a regular file");
    SourceInfo info;
    info.uri = path;
    info.kind = "file";
    if (const std::string loop = writable_loop_over(path); !loop.empty()) admit_live(info, loop, options, events);
    return open_regular(std::move(info), options.retries);
}

std::unique_ptr<BlockSource> open_file_source(const std::string& path, const std::string& kind) {
    SourceInfo info;
    info.uri = path;
    info.kind = kind;
    return open_regular(std::move(info), OpenOptions{}.retries);
}

} // namespace kanshiki
