#pragma once
// Makes a proof: kanshiki prove.

#include "kanshiki/events.h"
#include "kanshiki/proof.h"

#include <filesystem>
#include <memory>
#include <stop_token>

namespace kanshiki {

struct ProveOptions {
    std::filesystem::path image;
    std::string subject; // "/path" or "OFFSET+SIZE"
    std::filesystem::path output;
    std::string volume;         // number or name; empty: the one that has the path
    size_t metadata_limit = 32; // chunks
    bool force = false;
};

struct ProveResult {
    Proof proof;
    uint64_t metadata_chunks = 0;
};

// Opens what it needs when it is made, so that the rest can be done in a jail that may write the output's folder alone.
class Prover {
public:
    explicit Prover(const ProveOptions& options); // Error{usage, altered, never_valid}
    ~Prover();
    // Writes the data file, then the proof. Error{altered} where the image differs from its chunk list.
    ProveResult run(Events& events, std::stop_token stop);

private:
    struct State;
    std::unique_ptr<State> state_;
};

// "1048576+4096", "0x100000+4K", "1M+64K". Error{usage}.
Range parse_range(const std::string& text);

} // namespace kanshiki
