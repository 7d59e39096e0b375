#pragma once
// From what a user typed to a BlockSource.

#include "kanshiki/block_source.h"
#include "kanshiki/events.h"

#include <chrono>
#include <memory>

namespace kanshiki {

struct SshOptions {
    std::string identity;             // a private key file; empty: agent and ~/.ssh/config decide
    std::string host_key;             // "SHA256:…" pins the host key; empty: known_hosts, strictly
    std::string config;               // empty: ~/.ssh/config and /etc/ssh/ssh_config
    std::string known_hosts;          // empty: as the config says
    std::string compress = "auto";    // auto none zstd lz4 gzip ssh
    std::optional<int> level;         // of zstd; nothing: chosen by what is the bottleneck
    std::string transport = "auto";   // auto agent dd
    unsigned connections = 0;         // of the agent transport; 0: chosen by the round trip
    bool source_hash = false;         // the agent takes SHA-256 too, to be compared with what arrives
    std::chrono::seconds timeout{60}; // of any single wait
    bool sudo = false;                // run the far side's commands with sudo -n
    bool may_ask = false;             // a terminal is there: a passphrase may be asked for
};

struct OpenOptions {
    bool allow_in_use = false;
    unsigned retries = 1;    // of a sector that cannot be read
    uint64_t limit_rate = 0; // bytes a second read from the source; 0: no limit
    int nice = 0;            // of what reads on the far side: 0..19
    SshOptions ssh;
};

// "-" (standard input), "ssh://…", else a path to a block device or file, read as it is. Events must outlive the
// source. A stop request ends the waits of opening with Error{interrupted}.
std::unique_ptr<BlockSource> open_source(const std::string& spec, const OpenOptions& options, Events& events,
                                         std::stop_token stop = {});

// The same, but a file whose name is that of an evidence format (.img.zst …) is opened as the image it holds.
std::unique_ptr<BlockSource> open_image_or_source(const std::string& spec, const OpenOptions& options, Events& events,
                                                  std::stop_token stop = {});

} // namespace kanshiki
