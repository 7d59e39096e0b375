// Who ran this, where, when: what the manifest says about the host and the tool.

#include "acquire/block/aligned_buffer.h"
#include "acquire/custody/files.h"
#include "kanshiki/checksum_list.h"
#include "kanshiki/manifest.h"

#include <chrono>
#include <ctime>
#include <pwd.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace kanshiki {
namespace {

std::string first_line(const std::filesystem::path& path) {
    try {
        const FileDescriptor fd = open_to_read(path, ExitCode::internal);
        std::string text(4096, '\0');
        text.resize(read_upto(fd.get(), path, std::as_writable_bytes(std::span(text.data(), text.size())), 0,
                              ExitCode::internal));
        return text.substr(0, text.find('\n'));
    } catch (const Error&) {
        return {}; // a container without DMI, for one
    }
}

// PRETTY_NAME of os-release(5).
std::string system_name() {
    for (const char* path : {"/etc/os-release", "/usr/lib/os-release"}) {
        std::string text;
        try {
            text = read_file(path, 64 * 1024, ExitCode::internal);
        } catch (const Error&) {
            continue;
        }
        constexpr std::string_view key = "PRETTY_NAME=";
        const size_t found = text.starts_with(key) ? 0 : text.find("\nPRETTY_NAME=");
        if (found == text.npos) continue;
        const size_t from = text.find('=', found) + 1;
        std::string value = text.substr(from, text.find('\n', from) - from);
        if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front())
            value = value.substr(1, value.size() - 2);
        return value;
    }
    return {};
}

std::string machine_name(const std::string& architecture) {
    const std::string vendor = first_line("/sys/class/dmi/id/sys_vendor"),
                      product = first_line("/sys/class/dmi/id/product_name");
    std::string out = vendor + (vendor.empty() || product.empty() ? "" : " ") + product;
    return out.empty() ? architecture : out + " (" + architecture + ")";
}

std::string user_name() {
    const uid_t uid = ::geteuid();
    passwd entry{}, *found = nullptr;
    std::vector<char> buffer(64 * 1024);
    std::string out = "uid " + std::to_string(uid);
    if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found)
        out = std::string(found->pw_name) + " (" + out + ")";
    if (const char* sudo = std::getenv("SUDO_USER"); sudo && *sudo) out += ", SUDO_USER=" + std::string(sudo);
    return out;
}

void read_clock(HostInfo& host) {
    timex state{}; // modes 0: nothing is changed
    const int result = ::adjtimex(&state);
    if (result < 0) {
        host.clock = "unknown";
        return;
    }
    host.clock = result == TIME_ERROR || (state.status & STA_UNSYNC) ? "not synchronised" : "synchronised";
    host.clock_error_us = state.esterror;
}

} // namespace

HostInfo this_host() {
    HostInfo host;
    utsname names{};
    if (::uname(&names) == 0) {
        host.name = names.nodename;
        host.kernel = std::string(names.sysname) + " " + names.release + " " + names.version;
    }
    host.machine = machine_name(names.machine);
    host.system = system_name();
    host.user = user_name();
    read_clock(host);
    return host;
}

ToolInfo this_tool(const std::vector<std::string>& arguments) {
    // The file that is running, even when it has been replaced or deleted since.
    return {KANSHIKI_VERSION, to_hex(sha256_of_file("/proc/self/exe", ExitCode::internal)), arguments};
}

std::optional<Digest> partition_table_digest(BlockSource& source, std::stop_token stop) {
    const uint64_t sector = source.info().logical_sector, size = 34 * sector;
    if (!source.info().size || *source.info().size < size || sector == 0 || sector > 64 * 1024) return {};
    const uint64_t asked = (size + 4095) / 4096 * 4096; // aligned reads are the cheap ones
    AlignedBuffer buffer(asked);
    Read read;
    read.into = std::span(buffer.data(), std::min(asked, *source.info().size));
    source.read(read, stop);
    if (read.got < size || (!read.bad.empty() && read.bad.front().range.offset < size)) return {};
    return sha256(read.into.first(size));
}

std::string utc_now() {
    const auto now = std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
    const int64_t us = now.time_since_epoch().count();
    const std::time_t seconds = static_cast<std::time_t>(us / 1'000'000);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[64];
    const size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    std::string fraction = std::to_string(us % 1'000'000);
    fraction.insert(0, 6 - fraction.size(), '0');
    return std::string(text, size) + "." + fraction + "Z";
}

Companions Companions::of(const std::filesystem::path& image) {
    const auto beside = [&](const char* suffix) { return std::filesystem::path(image.native() + suffix); };
    return {image,
            beside(".manifest.json"),
            beside(".chunks"),
            beside(".map"),
            beside(".log.jsonl"),
            beside(".sha256"),
            beside(".custody.jsonl"),
            beside(".custody.head")};
}

} // namespace kanshiki
