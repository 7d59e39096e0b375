#pragma once
// A subcommand: one file in a commands/ folder, one line in main.cpp.

#include "kanshiki/range.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace kanshiki {

struct VerifyOptions;
struct VerifyResult;

struct Command {
    std::string_view name;
    std::string_view summary;
    std::function<int(const std::vector<std::string>& arguments)> run; // returns the exit status; throws Error
};

// Runs triage over a finished image; given to acquire by main.cpp, which alone knows both halves.
using TriageHandover = std::function<void(const std::string& image, const std::string& folder)>;

// Which files own these ranges of an image (ascending, disjoint): JSON, as docs/verify.md has it; empty when that could
// not be found out, which has then been said. Handed across in the same way.
using ExplainHandover = std::function<std::string(const VerifyOptions& options, const VerifyResult& found,
                                                  const std::vector<Range>& ranges)>;

int run_acquire(const std::vector<std::string>& arguments, const TriageHandover& triage);
int run_verify(const std::vector<std::string>& arguments, const ExplainHandover& explain);
int run_convert(const std::vector<std::string>& arguments);
int run_seal(const std::vector<std::string>& arguments);
int run_transfer(const std::vector<std::string>& arguments);
int run_log(const std::vector<std::string>& arguments);
int run_selftest(const std::vector<std::string>& arguments);
int run_prove(const std::vector<std::string>& arguments);
int run_check(const std::vector<std::string>& arguments);
int run_info(const std::vector<std::string>& arguments);
int run_ls(const std::vector<std::string>& arguments);
int run_stat(const std::vector<std::string>& arguments);
int run_cat(const std::vector<std::string>& arguments);
int run_extract(const std::vector<std::string>& arguments);
int run_timeline(const std::vector<std::string>& arguments);
int run_mount(const std::vector<std::string>& arguments);
int run_triage_command(const std::vector<std::string>& arguments);
// The hand-overs' targets.
void triage_image(const std::string& image, const std::string& folder);
std::string explain_ranges(const VerifyOptions& options, const VerifyResult& found, const std::vector<Range>& ranges);

} // namespace kanshiki
