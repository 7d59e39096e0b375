#pragma once
// One image into another format, in one pass that proves on the way that nothing changed.

#include "kanshiki/manifest.h"
#include "kanshiki/pipeline.h"

namespace kanshiki {

struct ConvertOptions {
    std::filesystem::path image;
    std::vector<std::filesystem::path> outputs;
    std::optional<std::vector<DigestAlgorithm>> digests; // of the new ones; nothing: those of the old manifest
    int level = 1;
    uint64_t split = 0;
    unsigned threads = 0;
    bool force = false;
    std::vector<std::string> arguments; // as typed, for the manifest
    // Of a repair: what is damaged (ascending, disjoint, whole chunks) is read from `source` instead. Null: a
    // conversion.
    BlockSource* source = nullptr;
    std::vector<Range> damaged;
};

struct ConvertResult {
    Manifest manifest;                 // of the first output
    std::vector<std::string> compared; // what of the old image was found to be right: "root", "120 leaves" …
    bool foreign = false;              // the old image has no manifest of ours
};

// A repair is a conversion in which the damaged chunks come from the source; each must equal its leaf like all others.
// Throws Error: altered where the old image is not what its manifest, chunk list or stored digests say; then no new
// image is left. A conversion is not resumed: one that was broken off is begun again with `force`.
ConvertResult convert_image(const ConvertOptions& options, Events& events, std::stop_token stop);

} // namespace kanshiki
