// The transports. A new one is its own folder and one line here.
#include "acquire/source/ssh/transport.h"

#include "acquire/agent/embedded.h"
#include "acquire/source/ssh/agent/agent_source.h"
#include "acquire/source/ssh/dd_source.h"
#include "kanshiki/error.h"

namespace kanshiki::ssh {

namespace {

[[noreturn]] void refuse(const std::string& message) { throw Error{ExitCode::refused, message}; }

SourceInfo source_info(const Opening& opening, const char* transport) {
    const Probe& probe = opening.probe;
    const Session& session = *opening.session;
    SourceInfo info;
    info.uri = opening.spec;
    info.kind = "ssh";
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
    add("user", session.user() + (opening.options.ssh.sudo ? " (sudo)" : ""));
    add("login", session.login_method());
    add("cipher", session.cipher());
    add("path", opening.uri.path);
    if (probe.real_path != opening.uri.path) add("real_path", probe.real_path);
    add("type", probe.type == PathType::block ? "block device" : "file");
    add("model", probe.model);
    add("serial", probe.serial);
    add("major_minor", probe.numbers);
    add("clock_offset", opening.clock_offset);
    add("transport", transport);
    return info;
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

// Null, with why: not here.
std::unique_ptr<BlockSource> open_agent(Opening& opening, std::string& why, std::stop_token stop) {
    const Probe& probe = opening.probe;
    const SshOptions& ssh = opening.options.ssh;
    if (ssh.compress == "lz4" || ssh.compress == "gzip" || ssh.compress == "ssh")
        why = "--compress " + ssh.compress + " is dd's";
    else if (!probe.used.empty() && ssh.transport == "auto")
        why = "the source is in use there, and on a live host nothing is left without --transport agent";
    else if (!probe.dd_bytes)
        why = "its dd cannot take in an agent (no iflag=fullblock)";
    if (!why.empty()) return nullptr;
    AgentPlan plan{opening.uri.path, probe.machine,           probe.memory_folders,
                   ssh.sudo,         opening.options.retries, opening.options.nice};
    Agent agent = start_agent(*opening.session, plan, stop);
    if (!agent.command) {
        why = agent.why;
        return nullptr;
    }
    if (agent.hello.size != probe.size)
        refuse(opening.session->name() + ": " + plan.path + " has " + std::to_string(agent.hello.size) +
               " bytes for the agent, but " + std::to_string(*probe.size) + " for the shell: is it being changed?");
    SourceInfo info = source_info(opening, "agent");
    info.identity.emplace_back("agent_sha256", to_hex(sha256(embedded_agent(plan.machine))));
    return std::make_unique<AgentSource>(opening.uri, opening.options, std::move(plan), std::move(info),
                                         std::move(opening.session), std::move(agent), opening.events);
}

std::unique_ptr<BlockSource> open_dd(Opening& opening, std::string& why, std::stop_token) {
    const Probe& probe = opening.probe;
    const SshOptions& ssh = opening.options.ssh;
    if (ssh.source_hash) {
        why = "--source-hash needs an agent on the far side";
        return nullptr;
    }
    Far far;
    far.path = opening.uri.path;
    far.sector = probe.logical_sector;
    far.sudo = ssh.sudo;
    far.nice = opening.options.nice;
    far.gnu = probe.dd_gnu;
    far.bytes = probe.dd_bytes;
    far.zstd_fast = probe.zstd_fast;
    far.cores = probe.cores;
    far.compressor = choose_compressor(probe, ssh.compress, opening.session->name(), opening.events);
    SourceInfo info = source_info(opening, "dd");
    info.identity.emplace_back("dd", probe.dd_version);
    info.identity.emplace_back("compressor",
                               ssh.compress == "ssh" ? "ssh" : std::string(compressor_name(far.compressor)));
    return std::make_unique<DdSource>(std::move(opening.session), std::move(far), std::move(info));
}

struct Transport {
    std::string_view name;
    std::unique_ptr<BlockSource> (*open)(Opening& opening, std::string& why, std::stop_token stop);
};

const Transport table[] = {{"agent", open_agent}, {"dd", open_dd}};

} // namespace

std::unique_ptr<BlockSource> open_transport(Opening opening, std::stop_token stop) {
    const std::string host = opening.session->name(), &wanted = opening.options.ssh.transport;
    std::string reasons;
    for (const Transport& transport : table) {
        if (wanted != "auto" && wanted != transport.name) continue;
        std::string why;
        if (auto source = transport.open(opening, why, stop)) {
            if (!reasons.empty())
                opening.events.report({"notice", host + ": read by " + std::string(transport.name) + reasons});
            return source;
        }
        reasons += "; no " + std::string(transport.name) + ": " + why;
    }
    refuse(host + ": cannot be read as asked" + reasons);
}

} // namespace kanshiki::ssh
