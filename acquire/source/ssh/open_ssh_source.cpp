#include "acquire/source/ssh/open_ssh_source.h"

#include "acquire/source/ssh/command.h"
#include "acquire/source/ssh/shell.h"
#include "acquire/source/ssh/transport.h"
#include "kanshiki/error.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace kanshiki {

using namespace ssh;

namespace {

constexpr size_t longest_answer = 256 * 1024;

[[noreturn]] void refuse(const std::string& message) { throw Error{ExitCode::refused, message}; }

void check_options(const SshOptions& options) {
    const auto one_of = [](const char* option, const std::string& name, std::initializer_list<const char*> known) {
        std::string all;
        for (const char* each : known) {
            if (name == each) return;
            all += std::string(all.empty() ? "" : ", ") + each;
        }
        throw Error{ExitCode::usage, std::string(option) + " " + name + ": must be one of " + all};
    };
    one_of("--compress", options.compress, {"auto", "none", "zstd", "lz4", "gzip", "ssh"});
    one_of("--transport", options.transport, {"auto", "agent", "dd"});
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

Answer ask(Session& session, const std::string& path, bool sudo, std::stop_token stop) {
    const auto before = std::chrono::system_clock::now();
    Command command(session, far_command(probe_script(), {path}, sudo), "probe", stop);
    const std::string output = command.read_all(longest_answer, stop);
    const Exit exit = command.finish(stop);
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

} // namespace

std::unique_ptr<BlockSource> open_ssh_source(const std::string& uri, const OpenOptions& options, Events& events,
                                             std::stop_token stop) {
    check_options(options.ssh);
    const Uri parsed = parse_uri(uri);
    auto session = std::make_unique<Session>(parsed, options.ssh, events, stop);
    Answer answer = ask(*session, parsed.path, options.ssh.sudo, stop);
    check(answer.probe, parsed.path, session->name(), options);
    if (!answer.probe.used.empty())
        events.report({"notice", parsed.path + ": in use (" +
                                     joined({answer.probe.used.begin(), answer.probe.used.end()}) +
                                     "): the image will not be of one point in time"});
    Opening opening{uri, parsed, options, events, std::move(session), std::move(answer.probe), std::move(answer.clock)};
    return open_transport(std::move(opening), stop);
}

} // namespace kanshiki
