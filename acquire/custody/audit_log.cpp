#include "kanshiki/audit_log.h"

#include "acquire/custody/files.h"
#include "acquire/custody/json_text.h"
#include "kanshiki/manifest.h"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace kanshiki {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t longest_string = 64 * 1024;
constexpr uint64_t room = 1024 * 1024;       // kept free on the disk: an image that fills it can still be told of
constexpr size_t longest_line = 1024 * 1024; // what check_log still reads

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

Json bounded(const std::string& text) {
    if (text.size() <= longest_string) return json_string(text);
    return json_string(text.substr(0, longest_string) + " [cut here: " + std::to_string(text.size()) +
                       " bytes in all, SHA-256 " + to_hex(sha256(bytes_of(text))) + "]");
}

Json json_value(const LogValue& value) {
    if (const auto* text = std::get_if<std::string>(&value)) return bounded(*text);
    if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
        Json out = Json::array();
        for (const std::string& text : *texts) out.push_back(bounded(text));
        return out;
    }
    return std::visit(
        [](const auto& plain) -> Json {
            if constexpr (std::is_same_v<std::decay_t<decltype(plain)>, std::vector<std::string>>)
                return nullptr;
            else
                return plain;
        },
        value);
}

} // namespace

std::unique_ptr<AuditLog> AuditLog::create(const std::filesystem::path& path) {
    std::unique_ptr<AuditLog> log(new AuditLog);
    log->path_ = path;
    log->fd_ = create_anew(path).release();
    reserve_space(log->fd_, path, room);
    return log;
}

std::unique_ptr<AuditLog> AuditLog::reopen(const std::filesystem::path& path) {
    std::unique_ptr<AuditLog> log(new AuditLog);
    log->path_ = path;
    FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
    if (!fd) throw_errno(errno == ENOENT ? ExitCode::altered : ExitCode::destination, "go on with", path, errno);

    const LogCheck check = check_log(path, {});
    if (check.broken_at && !check.torn)
        throw Error(ExitCode::altered, path.string() + ", line " + std::to_string(*check.broken_at) + ": " + check.why);
    std::vector<std::byte> rest(check.torn ? std::min<uint64_t>(check.size - check.good_size, longest_line) : 0);
    rest.resize(read_upto(fd.get(), path, rest, check.good_size, ExitCode::destination));

    // Only now is it ours to change: the destructor cuts the file to size_.
    log->fd_ = fd.release();
    log->seq_ = check.entries;
    log->size_ = check.good_size;
    if (check.entries) log->prev_ = check.head;
    if (!check.torn) return log;
    if (::ftruncate(log->fd_, static_cast<off_t>(check.good_size)) != 0)
        throw_errno(ExitCode::destination, "shorten", path, errno);
    log->append("torn line cut off", {{"size", check.size - check.good_size}, {"sha256", to_hex(sha256(rest))}});
    return log;
}

AuditLog::~AuditLog() {
    if (fd_ < 0) return;
    release_space(fd_, size_);
    ::close(fd_);
}

void AuditLog::append(std::string_view event, const LogFields& fields) {
    const std::lock_guard lock(mutex_);
    Json entry{{"seq", seq_}, {"time", utc_now()}, {"event", bounded(std::string(event))}};
    Json complete = entry;
    for (const auto& [name, value] : fields) {
        std::string free = json_string(name); // a caller's field must never hide one of ours
        while (complete.contains(free) || free == "prev") free += "_";
        complete[free] = json_value(value);
    }
    complete["prev"] = to_hex(prev_);
    std::string line = complete.dump();
    if (line.size() >= longest_line) { // many long texts at once
        entry["fields_left_out"] = line.size();
        entry["fields_sha256"] = to_hex(sha256(bytes_of(line)));
        entry["prev"] = to_hex(prev_);
        line = entry.dump();
    }
    const Digest digest = sha256(bytes_of(line));
    line += '\n';

    // One write(2). A short one (a full disk) leaves a torn line that the next append or reopen takes away.
    ssize_t n;
    do n = ::pwrite(fd_, line.data(), line.size(), static_cast<off_t>(size_));
    while (n < 0 && errno == EINTR);
    if (n != static_cast<ssize_t>(line.size())) {
        const int error = n < 0 ? errno : ENOSPC;
        if (n > 0 && ::ftruncate(fd_, static_cast<off_t>(size_)) != 0)
            throw_errno(ExitCode::destination, "shorten", path_, errno);
        throw_errno(ExitCode::destination, "write", path_, error);
    }
    size_ += line.size();
    prev_ = digest;
    ++seq_;
}

void AuditLog::sync() {
    if (::fdatasync(fd_) != 0) throw_errno(ExitCode::destination, "flush", path_, errno);
}

Digest AuditLog::head() const {
    const std::lock_guard lock(mutex_);
    return prev_;
}

uint64_t AuditLog::entries() const {
    const std::lock_guard lock(mutex_);
    return seq_;
}

} // namespace kanshiki
