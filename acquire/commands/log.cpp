#include "acquire/commands/options.h"
#include "acquire/custody/record.h"
#include "kanshiki/command.h"
#include "kanshiki/error.h"

#include <CLI/CLI.hpp>
#include <iostream>

namespace kanshiki {
namespace {

constexpr const char* examples = R"(Examples:
  kanshiki log disk.img.zst                          who, what, when, and what went differently than planned
  kanshiki log disk.img.zst --html custody.html      the same as a page to print and sign
  kanshiki log disk.img.zst --json | jq .acts

Reads the manifest, the acquisition log and the custody log; the image itself is not read (kanshiki verify does that).
Exit: 0 shown, 5 the page cannot be written, 10 a log is broken (what can be read is shown), 11 not evidence of kanshiki.)";

} // namespace

int run_log(const std::vector<std::string>& arguments) {
    std::string image, page;
    bool json = false;
    CLI::App app("Show the custody record of an image.", "log");
    app.footer(examples);
    app.add_option("IMAGE", image, "image whose record is shown")->required();
    app.add_option("--html", page, "write a printable page here instead")->type_name("FILE");
    app.add_flag("--json", json, "print the record as one JSON object on standard output");
    if (!parse_arguments(app, arguments)) return 0;
    const CustodyRecord record = read_custody_record(image);
    if (!page.empty())
        write_file_durably(page, record_as_html(record));
    else
        std::cout << (json ? record_as_json(record) : record_as_text(record));
    return static_cast<int>(record.problems.empty() ? ExitCode::ok : ExitCode::altered);
}

} // namespace kanshiki
