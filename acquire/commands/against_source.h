#pragma once
// What verify does with the original at hand: compares, and repairs.

#include "kanshiki/open_source.h"
#include "kanshiki/verify.h"

namespace kanshiki {

struct AgainstSource {
    std::string source; // empty: not asked for
    bool repair = false;
    std::vector<std::string> outputs; // of the repair
    OpenOptions open;
    std::vector<std::string> arguments; // as typed, for the manifest

    void check() const; // Error{usage} for what does not go together
};

struct AgainstSourceResult {
    std::optional<SourceComparison> comparison;
    std::vector<Range> replaced; // of the repair: whole chunks
    std::optional<Digest> root;  // of the repaired image
};

// found: the verification of the image.
AgainstSourceResult go_to_source(const AgainstSource& asked, const VerifyOptions& options, const VerifyResult& found,
                                 Events& events, std::stop_token stop);

void print_against_source(const AgainstSource& asked, const AgainstSourceResult& result);

} // namespace kanshiki
