#pragma once
// Options that several commands share, and the one way in which all of them parse.

#include "kanshiki/open_source.h"
#include "kanshiki/seal.h"
#include "kanshiki/terminal.h"

namespace CLI {
class App;
}

namespace kanshiki {

struct OutputOptions {
    std::string progress = "auto";
    bool quiet = false, json = false;
    ProgressStyle style() const;
};

void add_source_options(CLI::App& app, OpenOptions& options); // --allow-in-use and all of SSH
void add_split_option(CLI::App& app, uint64_t& split);        // --split
void add_source_options(CLI::App& app, OpenOptions& options); // --allow-in-use and all of SSH
// --sign, --timestamp and what goes with them.
void add_seal_options(CLI::App& app, SealOptions& options);
void add_output_options(CLI::App& app, OutputOptions& options); // --progress --quiet --json

std::vector<DigestAlgorithm> parse_digests(const std::string& list); // "sha256,md5", or "none"; Error{usage}

// False: help was asked for and printed. Throws Error{usage}.
bool parse_arguments(CLI::App& app, const std::vector<std::string>& arguments);

} // namespace kanshiki
