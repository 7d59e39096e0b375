#pragma once
// kanshiki selftest: images made disks with known faults by the same code as `acquire`, and states for each assertion
// whether it held (docs/selftest.md). The assertions are those that NIST's Computer Forensics Tool Testing programme
// makes of tools that acquire disks, as far as they apply to a volume without hidden areas; the words are ours.

#include "kanshiki/manifest.h"

#include <filesystem>
#include <functional>
#include <stop_token>

namespace kanshiki::selftest {

struct Outcome {
    std::string id;        // "KS-01"
    std::string assertion; // what must hold
    std::string done, expected, seen;
    bool passed = false;
};

struct Report {
    ToolInfo tool;
    HostInfo host;
    std::string started, ended; // UTC
    std::string plant;          // the fault put in on purpose; empty: none
    std::vector<Outcome> outcomes;
    size_t failed() const;
};

// Writes some 300 MB below `folder`, which must exist, and leaves them there. told: after each assertion. Throws Error:
// interrupted; destination, where the folder cannot be written.
Report run(const std::filesystem::path& folder, const std::string& plant,
           const std::function<void(const Outcome&)>& told, std::stop_token stop);

std::string as_text(const Outcome& outcome); // lines
std::string as_json(const Report& report);
std::string as_html(const Report& report); // one printable page

} // namespace kanshiki::selftest
