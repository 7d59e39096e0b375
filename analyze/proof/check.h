#pragma once
// Judges a proof, with neither image nor network: kanshiki check.

#include "kanshiki/proof.h"
#include "kanshiki/verify.h"

#include <iosfwd>
#include <stop_token>

namespace kanshiki {

struct CheckOptions {
    std::filesystem::path proof, data; // data empty: beside the proof, by the name in it
    std::optional<Digest> expect_root;
    std::vector<std::filesystem::path> trusted_keys;
};

struct CheckResult {
    Proof proof;
    std::optional<Manifest> manifest;
    Verdict verdict = Verdict::altered;
    std::vector<std::string> checked, damage;
    std::vector<NotChecked> not_checked;
    std::vector<Bad> unreadable; // what of the ranges was unreadable at the source: zeros in the image
};

// Opens and reads what lies outside when it is made, so that the rest can be done in a jail.
class ProofChecker {
public:
    explicit ProofChecker(const CheckOptions& options); // Error{usage, never_valid}
    ~ProofChecker();
    CheckResult run(std::stop_token stop);
    // The proven bytes: the ranges, or the file's content. Only after a run() that found no damage.
    void extract(std::ostream& out, std::stop_token stop);

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace kanshiki
