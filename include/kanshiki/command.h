#pragma once
// A subcommand: one file in a commands/ folder, one line in main.cpp.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace kanshiki {

struct Command {
    std::string_view name;
    std::string_view summary;
    std::function<int(const std::vector<std::string>& arguments)> run; // returns the exit status; throws Error
};

// Runs triage over a finished image; given to acquire by main.cpp, which alone knows both halves.
using TriageHandover = std::function<void(const std::string& image, const std::string& folder)>;

int run_acquire(const std::vector<std::string>& arguments, const TriageHandover& triage);
int run_verify(const std::vector<std::string>& arguments);
int run_convert(const std::vector<std::string>& arguments);
int run_seal(const std::vector<std::string>& arguments);
int run_transfer(const std::vector<std::string>& arguments);
int run_log(const std::vector<std::string>& arguments);
int run_selftest(const std::vector<std::string>& arguments);
int run_prove(const std::vector<std::string>& arguments);
int run_check(const std::vector<std::string>& arguments);
int run_info(const std::vector<std::string>& arguments);
int run_triage_command(const std::vector<std::string>& arguments);
void triage_image(const std::string& image, const std::string& folder); // the hand-over's target

} // namespace kanshiki
