#include "acquire/source/ssh/open_ssh_source.h"

#include "acquire/source/ssh/dd_source.h"
#include "acquire/source/ssh/shell.h"
#include "kanshiki/error.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace kanshiki {

using namespace ssh;

namespace {

constexpr size_t longest_answer = 256 * 1024;

[[noreturn]] void refuse(const std::string& message) { throw Error{ExitCode::refused, message}; }

void check_compress_option(const std::string& name) {
    for (const char* known : {"auto", "none", "zstd", "lz4", "gzip", "ssh"})
        if (name == known) return;
    throw Error{ExitCode::usage, "--compress " + name + ": must be auto, none, zstd, lz4, gzip or ssh"};
}

// The far clock against ours, at best within half a round trip.
std::string clock_offset(const std::string& far, std::chrono::system_clock::time_point before,
                         std::chrono::system_clock::time_point after) {
    const double begun = std::chrono::duration<double>(before.time_since_epoch()).count();
    const double ended = std::chrono::duration<double>(after.time_since_epoch()).count();
    char text[96];
    snprintf(text, sizeof text, "%+.3f s (far minus ours, within %.3f s)",
             strtod(far.c_str(), nullptr) - (begun + ended) / 2, (ended - begun) / 2);
    return text;
}

struct Answer {
    Probe probe;
    std::string clock;
};

Answer ask(Session& session, const std::string& path, bool sudo) {
    const auto before = std::chrono::system_clock::now();
    Command command(session, far_command(probe_script(), {path}, sudo), "probe", {});
    const std::string output = command.read_all(longest_answer, {});
    const Exit exit = command.finish({});
    const std::string said = joined(command.take_errors());
    if (sudo && output.find("kanshiki-probe=1") == output.npos) {
        if (exit.status == 127) refuse(session.name() + ": the far side has no sudo; log in as root without --sudo");
        refuse(session.name() + ": sudo -n is refused for " + session.user() + " (" + said +
               "); let it run sh without a password (NOPASSWD in sudoers), or log in as root");
    }
    if (!exit.ok() && output.find("kanshiki-probe=1") == output.npos)
        refuse(session.name() + ": the far side runs no POSIX shell for " + session.user() + " (" + exit.text() +
               (said.empty() ? "" : ": " + said) + ")");
    Answer out{parse_probe(output, session.name()), {}};
    if (!out.probe.clock.empty()) out.clock = clock_offset(out.probe.clock, before, command.first_output_at());
    return out;
}

// Everything that would stop us later stops us here.
void check(const Probe& probe, const std::string& path, const std::string& host, const OpenOptions& options) {
    const std::string where = host + ": " + path;
    if (!probe.dd) refuse(host + ": the far side has no dd in its PATH; nothing can be read there");
    switch (probe.type) {
    case PathType::none:
        refuse(where + ": no such device or file on the far side (seen as user " + probe.user + ")");
    case PathType::directory:
        refuse(where + ": is a directory; name the block device under it");
    case PathType::other:
        refuse(where + ": is neither a block device nor a regular file");
    case PathType::block:
    case PathType::file:
        break;
    }
    if (!probe.readable)
        refuse(where + ": no permission to read it as " + probe.user +
               (options.ssh.sudo ? "" : "; log in as root or use --sudo"));
    if (!probe.size)
        refuse(where +
               ": its size cannot be found out: the far side has neither blockdev nor /sys, stat nor wc for it");
    if (!probe.used.empty() && !options.allow_in_use)
        refuse(where + ": in use: " + probe.used.front() +
               "; unmount it, image a snapshot of it, or record it as live with --allow-in-use");
}

Compressor choose_compressor(const Probe& probe, const std::string& wanted, const std::string& host, Events& events) {
    const auto must = [&](bool there, Compressor compressor) {
        if (!there) refuse(host + ": the far side has no " + wanted + " in its PATH; use --compress auto");
        return compressor;
    };
    if (wanted == "zstd") return must(probe.zstd, Compressor::zstd);
    if (wanted == "lz4") return must(probe.lz4, Compressor::lz4);
    if (wanted == "gzip") return must(probe.gzip, Compressor::gzip);
    if (wanted == "none" || wanted == "ssh") return Compressor::none;
    if (probe.zstd) return Compressor::zstd;
    if (probe.lz4) return Compressor::lz4;
    if (probe.gzip) return Compressor::gzip;
    events.report({"notice", host + ": the far side has neither zstd, lz4 nor gzip; the data comes uncompressed"});
    return Compressor::none;
}

SourceInfo source_info(const std::string& uri, const Session& session, const Answer& answer, const Far& far,
                       const std::string& compress) {
    const Probe& probe = answer.probe;
    SourceInfo info;
    info.uri = uri;
    info.kind = "ssh-dd";
    info.size = probe.size;
    info.logical_sector = probe.logical_sector;
    info.physical_sector = std::max(probe.logical_sector, probe.physical_sector);
    info.access = Access::ascending;
    info.live = !probe.used.empty();
    for (const std::string& use : probe.used) info.live_why += (info.live_why.empty() ? "" : "; ") + use;
    const auto add = [&](const char* key, const std::string& value) {
        if (!value.empty()) info.identity.emplace_back(key, value);
    };
    add("hostname", probe.hostname);
    add("kernel", probe.kernel);
    add("machine_id", probe.machine_id);
    add("host_key", session.host_key());
    add("user", session.user() + (far.sudo ? " (sudo)" : ""));
    add("login", session.login_method());
    add("cipher", session.cipher());
    add("path", far.path);
    if (probe.real_path != far.path) add("real_path", probe.real_path);
    add("type", probe.type == PathType::block ? "block device" : "file");
    add("model", probe.model);
    add("serial", probe.serial);
    add("major_minor", probe.numbers);
    add("dd", probe.dd_version);
    add("compressor", compress == "ssh" ? "ssh" : std::string(compressor_name(far.compressor)));
    add("clock_offset", answer.clock);
    return info;
}

} // namespace

std::unique_ptr<BlockSource> open_ssh_source(const std::string& uri, const OpenOptions& options, Events& events) {
    check_compress_option(options.ssh.compress);
    const Uri parsed = parse_uri(uri);
    auto session = std::make_unique<Session>(parsed, options.ssh, events);
    const Answer answer = ask(*session, parsed.path, options.ssh.sudo);
    const Probe& probe = answer.probe;
    check(probe, parsed.path, session->name(), options);

    Far far;
    far.path = parsed.path;
    far.sector = probe.logical_sector;
    far.sudo = options.ssh.sudo;
    far.gnu = probe.dd_gnu;
    far.bytes = probe.dd_bytes;
    far.zstd_fast = probe.zstd_fast;
    far.cores = probe.cores;
    far.compressor = choose_compressor(probe, options.ssh.compress, session->name(), events);
    SourceInfo info = source_info(uri, *session, answer, far, options.ssh.compress);
    if (info.live)
        events.report(
            {"notice", parsed.path + ": in use (" + info.live_why + "): the image will not be of one point in time"});
    return std::make_unique<DdSource>(std::move(session), std::move(far), std::move(info));
}

} // namespace kanshiki
