#include "kanshiki/custody_log.h"

#include "acquire/custody/files.h"
#include "kanshiki/checksum_list.h"
#include "kanshiki/manifest.h"

#include <cerrno>
#include <sys/file.h>

namespace kanshiki {
namespace {

namespace fs = std::filesystem;

// Held on the manifest, which is there before the log and is never written.
FileDescriptor lock(const Companions& files) {
    const fs::path& held = fs::exists(files.manifest) ? files.manifest : files.image;
    FileDescriptor fd = open_to_read(held, ExitCode::destination);
    int result;
    do result = ::flock(fd.get(), LOCK_EX);
    while (result != 0 && errno == EINTR);
    if (result != 0) throw_errno(ExitCode::destination, "lock", held, errno);
    return fd;
}

std::unique_ptr<AuditLog> open_log(const Companions& files) {
    if (fs::exists(fs::symlink_status(files.custody))) return AuditLog::reopen(files.custody);
    auto log = AuditLog::create(files.custody);
    LogFields start{{"image", files.image.filename().string()}};
    if (fs::exists(files.manifest)) start.push_back({"manifest_sha256", to_hex(sha256_of_file(files.manifest))});
    log->append("start", start);
    return log;
}

} // namespace

void record_act(const fs::path& image, std::string_view act, const LogFields& fields) {
    const Companions files = Companions::of(image);
    const FileDescriptor held = lock(files);
    const auto log = open_log(files);
    const HostInfo host = this_host();
    LogFields all = fields;
    all.push_back({"user", host.user});
    all.push_back({"host", host.name});
    all.push_back({"clock", host.clock});
    const ToolInfo tool = this_tool({});
    all.push_back({"tool", "kanshiki " + tool.version});
    all.push_back({"tool_sha256", tool.binary_sha256});
    log->append(act, all);
    log->sync();
    sync_folder_of(files.custody);
}

std::optional<std::string> try_record_act(const fs::path& image, std::string_view act, const LogFields& fields) {
    try {
        record_act(image, act, fields);
        return {};
    } catch (const Error& error) {
        return error.what();
    }
}

} // namespace kanshiki
