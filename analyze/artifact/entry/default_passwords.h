#pragma once
// Does a password hash open with a password that everybody tries first?

#include "analyze/format/passwd.h"
#include "analyze/format/shadow.h"
#include "kanshiki/analyzer.h"

namespace kanshiki {

// The account's password is known: it is on a short list of defaults, or made from the account's own name.
struct GuessedPassword {
    std::string account, hash, password;
};

// Bounds the work over one file by an estimate of each hash's cost, so the result does not depend on the machine.
class PasswordGuesser {
public:
    static constexpr uint64_t usual_budget_us = 20'000'000;
    explicit PasswordGuesser(const FileView& file, uint64_t budget_us = usual_budget_us)
        : file_(file), budget_us_(budget_us) {}
    std::optional<std::string> guess(const std::string& account, const std::string& hash, const format::Spot& at);

private:
    const FileView& file_; // what was not tried goes to its coverage ledger
    uint64_t budget_us_, spent_us_ = 0;
    uint64_t refused_ = 0;
};

} // namespace kanshiki
