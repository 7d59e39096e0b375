#include "acquire/selftest/selftest.h"
#include "acquire/commands/options.h"
#include "acquire/selftest/plants.h"
#include "kanshiki/command.h"
#include "kanshiki/error.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <iostream>

namespace kanshiki {
namespace {

namespace fs = std::filesystem;

constexpr const char* examples = R"(Examples:
  kanshiki selftest                               the table on the terminal
  kanshiki selftest --html selftest.html          a page for the case file
  kanshiki selftest --json > selftest.json        for a script
  kanshiki selftest -o DIR                        the disks and images stay there, to be looked at

Images disks with known faults, by the same code as kanshiki acquire, and says of each assertion whether it held: every
sector, accurately, errors reported with place and kind, zeros in place, digests, log, no room, verify, conversion,
threads, source unchanged. Needs no root, no network, no other program; 300 MB in $TMPDIR (else /tmp) and some seconds.
docs/selftest.md has the assertions.
Exit: 0 all held, 2 usage, 5 no room for it, 70 one did not hold: do not use this build on this machine, 130
interrupted.)";

// A folder of our own, removed with everything in it.
class TemporaryFolder {
public:
    TemporaryFolder() : path_((fs::temp_directory_path() / "kanshiki-selftest-XXXXXX").string()) {
        if (!::mkdtemp(path_.data()))
            throw Error(ExitCode::destination, path_ + ": cannot be made; name a folder with -o");
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

void prepare(const fs::path& folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error) throw Error(ExitCode::destination, folder.string() + ": " + error.message());
    if (!fs::is_empty(folder))
        throw Error(ExitCode::usage, folder.string() + ": not empty; the selftest wants a folder of its own");
}

} // namespace

int run_selftest(const std::vector<std::string>& arguments) {
    std::string kept, html, plant;
    bool json = false, quiet = false;
    std::vector<std::string> names;
    for (const auto& each : selftest::plants()) names.emplace_back(each.name);
    CLI::App app("Show that this build, on this machine, images rightly.", "selftest");
    app.footer(examples);
    app.add_option("-o,--output", kept, "folder for the disks and images; they stay (default: a temporary one)")
        ->type_name("DIR");
    app.add_option("--html", html, "write the table as a printable page too")->type_name("FILE");
    app.add_flag("--json", json, "the result as one JSON object on standard output");
    app.add_flag("-q,--quiet", quiet, "print nothing; the exit status says it");
    app.add_option("--plant", plant, "put a fault in on purpose, to see that it is found (docs/selftest.md)")
        ->check(CLI::IsMember(names))
        ->type_name("FAULT");
    if (!parse_arguments(app, arguments)) return 0;

    std::optional<TemporaryFolder> temporary;
    if (kept.empty())
        temporary.emplace();
    else
        prepare(kept);
    const StopOnSignal stop;
    const auto told = [&](const selftest::Outcome& outcome) {
        if (!json && !quiet) std::cout << selftest::as_text(outcome) << std::flush;
    };
    const auto report = selftest::run(temporary ? temporary->path() : kept, plant, told, stop.token());
    if (!html.empty()) write_file_durably(html, selftest::as_html(report));
    if (json) std::cout << selftest::as_json(report);
    if (!json && !quiet)
        std::cout << fmt::format("{} of {} held\n", report.outcomes.size() - report.failed(), report.outcomes.size());
    return static_cast<int>(report.failed() == 0 ? ExitCode::ok : ExitCode::internal);
}

} // namespace kanshiki
