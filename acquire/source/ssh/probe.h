#pragma once
// What the far side has, asked once by one POSIX sh script, before the first byte moves.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kanshiki::ssh {

// The script: one line, builtins wherever they do, since the far side may have nothing but sh and dd. $1 is the path.
std::string_view probe_script();

enum class PathType { none, block, file, directory, other };

// Values are bounded, and control characters in them are '?'.
struct Probe {
    PathType type = PathType::none;
    bool readable = false;
    std::string real_path; // links resolved where readlink is there, else as asked
    std::optional<uint64_t> size;
    uint32_t logical_sector = 512, physical_sector = 512;
    std::string numbers; // "8:16"
    std::string model, serial;
    std::vector<std::string> used; // who uses the device
    std::string hostname, kernel, machine_id, user;
    std::string clock; // seconds since the epoch, "1700000000.123456789"
    unsigned cores = 1;
    bool dd = false, zstd = false, lz4 = false, gzip = false; // there, and they work
    bool zstd_fast = false;                                   // zstd knows --fast (1.3.4)
    std::string dd_version;                                   // first line of dd --version
    bool dd_gnu = false;
    bool dd_bytes = false;                   // iflag=skip_bytes,count_bytes,fullblock work
    std::string machine;                     // uname -m: "x86_64"
    std::vector<std::string> memory_folders; // in memory, writable, and what lies there may execute
};

// What the script printed, perhaps after the noise of a login. Throws Error{refused} on anything else; `host` is for
// the message.
Probe parse_probe(std::string_view output, std::string_view host);

} // namespace kanshiki::ssh
