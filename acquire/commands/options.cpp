#include "acquire/commands/options.h"

#include "kanshiki/error.h"

#include <algorithm>
#include <CLI/CLI.hpp>
#include <iostream>
#include <unistd.h>

namespace kanshiki {

ProgressStyle OutputOptions::style() const {
    if (progress == "bar") return ProgressStyle::bar;
    if (progress == "line") return ProgressStyle::line;
    if (progress == "json") return ProgressStyle::json;
    return progress == "none" ? ProgressStyle::none : ProgressStyle::automatic;
}

void add_source_options(CLI::App& app, OpenOptions& options) {
    SshOptions& ssh = options.ssh;
    ssh.may_ask = ::isatty(STDIN_FILENO) && ::isatty(STDERR_FILENO);
    app.add_flag("--allow-in-use", options.allow_in_use,
                 "read a source that is mounted or otherwise in use; recorded as live")
        ->group("Source");
    app.add_option("--retries", options.retries, "of a sector that cannot be read")
        ->check(CLI::Range(0u, 100u))
        ->type_name("N")
        ->capture_default_str()
        ->group("Source");
    app.add_option("--limit-rate", options.limit_rate, "bytes a second read from the source, as 20M, 1G")
        ->transform(CLI::AsSizeValue(false))
        ->type_name("RATE")
        ->group("Source");
    app.add_option("--identity", ssh.identity, "private key file (default: ssh-agent and ~/.ssh/config)")
        ->type_name("FILE")
        ->group("SSH");
    app.add_option("--host-key", ssh.host_key, "accept just this host key (default: known_hosts, strictly)")
        ->type_name("SHA256:...")
        ->group("SSH");
    app.add_option("--ssh-config", ssh.config, "instead of ~/.ssh/config")->type_name("FILE")->group("SSH");
    app.add_option("--known-hosts", ssh.known_hosts, "instead of ~/.ssh/known_hosts")->type_name("FILE")->group("SSH");
    app.add_flag("--sudo", ssh.sudo, "run the far side's commands with sudo -n")->group("SSH");
    app.add_option("--compress", ssh.compress,
                   "on the far side: auto none zstd lz4 gzip ssh (ssh: its own zlib, ten times slower)")
        ->check(CLI::IsMember({"auto", "none", "zstd", "lz4", "gzip", "ssh"}))
        ->type_name("HOW")
        ->capture_default_str()
        ->group("SSH");
    app.add_option(
           "--transport", ssh.transport,
           "auto agent dd (agent: a small program put into the far side's memory; auto: where the source is not "
           "in use)")
        ->check(CLI::IsMember({"auto", "agent", "dd"}))
        ->type_name("HOW")
        ->capture_default_str()
        ->group("SSH");
    app.add_option_function<std::string>(
           "--connections",
           [&ssh](const std::string& count) { ssh.connections = count == "auto" ? 0 : std::stoul(count); },
           "of the agent transport, or auto: by the round trip (default)")
        ->check(CLI::IsMember({"auto"}) | CLI::Range(1u, 32u))
        ->type_name("N")
        ->group("SSH");
    app.add_flag("--source-hash", ssh.source_hash, "take SHA-256 on the far side too, and compare it with what arrives")
        ->group("SSH");
    app.add_option("--nice", options.nice, "niceness of what reads on the far side")
        ->check(CLI::Range(0, 19))
        ->type_name("N")
        ->group("SSH");
    app.add_option_function<unsigned>(
           "--timeout", [&ssh](unsigned seconds) { ssh.timeout = std::chrono::seconds(seconds); },
           "longest wait for the far side (default 60)")
        ->check(CLI::Range(1u, 86400u))
        ->type_name("SECONDS")
        ->group("SSH");
}

void add_split_option(CLI::App& app, uint64_t& split) {
    app.add_option("--split", split, "size of a segment of .E01 and .001, as 2G (default 1500M)")
        ->transform(CLI::AsSizeValue(false))
        ->check(CLI::Range(uint64_t{1} << 20, uint64_t{1} << 40))
        ->type_name("SIZE");
}

void add_seal_options(CLI::App& app, SealOptions& options) {
    options.may_ask = ::isatty(STDIN_FILENO) && ::isatty(STDERR_FILENO);
    app.add_option("--sign", options.key,
                   "sign the manifest with this private key (PEM or DER; Ed25519 is a good choice)")
        ->type_name("KEY")
        ->group("Seal");
    app.add_option("--sign-pass-file", options.passphrase_file, "file whose first line opens the key")
        ->type_name("FILE")
        ->group("Seal");
    app.add_option("--timestamp", options.timestamp_url, "have the signature time-stamped by this RFC 3161 authority")
        ->type_name("URL")
        ->group("Seal");
    app.add_option("--tsa-ca", options.authority_chain,
                   "the authority's certificates (PEM), to be archived with the seal")
        ->type_name("FILE")
        ->group("Seal");
    app.add_option("--tsa-timeout", options.timeout, "longest exchange with the authority")
        ->check(CLI::Range(1u, 3600u))
        ->type_name("SECONDS")
        ->capture_default_str()
        ->group("Seal");
}

void add_output_options(CLI::App& app, OutputOptions& options) {
    app.add_option("--progress", options.progress, "auto bar line json none")
        ->check(CLI::IsMember({"auto", "bar", "line", "json", "none"}))
        ->type_name("STYLE")
        ->capture_default_str();
    app.add_flag("--json", options.json, "print the result as one JSON object on standard output");
    app.add_flag("-q,--quiet", options.quiet, "no progress, no notices; errors only");
}

bool parse_arguments(CLI::App& app, const std::vector<std::string>& arguments) {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend()); // CLI11 wants them so
    app.get_formatter()->column_width(34);
    app.name("kanshiki " + app.get_name());
    try {
        app.parse(reversed);
    } catch (const CLI::CallForHelp&) {
        std::cout << app.help();
        return false;
    } catch (const CLI::ParseError& error) {
        throw Error(ExitCode::usage, std::string(error.what()) + "; see " + app.get_name() + " --help");
    }
    return true;
}

std::vector<DigestAlgorithm> parse_digests(const std::string& list) {
    std::vector<DigestAlgorithm> out;
    if (list == "none") return out;
    for (size_t at = 0; at <= list.size();) {
        const size_t comma = std::min(list.find(',', at), list.size());
        const std::string name = list.substr(at, comma - at);
        const auto algorithm = digest_from_name(name);
        if (!algorithm)
            throw Error(ExitCode::usage, "--hash: '" + name + "' is not one of sha256 md5 sha1 sha512, or none alone");
        if (std::find(out.begin(), out.end(), *algorithm) == out.end()) out.push_back(*algorithm);
        at = comma + 1;
    }
    return out;
}

} // namespace kanshiki
