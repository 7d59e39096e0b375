// Evidence changes hands: checked, and recorded with what it was when it left or came.
#include "acquire/commands/options.h"
#include "kanshiki/checksum_list.h"
#include "kanshiki/command.h"
#include "kanshiki/custody_log.h"
#include "kanshiki/error.h"
#include "kanshiki/escape.h"
#include "kanshiki/verify.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

namespace kanshiki {
namespace {

constexpr const char* examples = R"(Examples:
  kanshiki transfer disk.img.zst --to "B. Sato, laboratory" --why "analysis" --where "safe 3"
  kanshiki transfer disk.img.zst --received --from "A. Ito" --to "B. Sato" --why "analysis"    at the other end
  kanshiki transfer disk.img.zst --from "A. Ito" --to "courier 17" --why "to the laboratory" --where "parcel 4711"
  kanshiki log disk.img.zst                                                                    to read it all

Verifies the evidence first, so that the entry says what it was at that moment; altered evidence is not handed over.
Exit: 0 recorded, 5 the custody log cannot be written, 10 the evidence or its custody log is altered, 11 not evidence.)";

struct Hands {
    std::string from, to, why, where;
    bool received = false;
};

void record(const std::string& image, const Hands& hands, const VerifyResult& found) {
    LogFields fields{
        {"from", hands.from}, {"to", hands.to}, {"why", hands.why}, {"where", hands.where}, {"size", found.size}};
    if (found.root) fields.push_back({"root", to_hex(*found.root)});
    for (const auto& [name, hex] : found.manifest->digests) fields.push_back({name, hex});
    fields.push_back({"manifest_sha256", to_hex(sha256_of_file(Companions::of(image).manifest))});
    fields.push_back({"verdict", std::string(verdict_name(found.verdict))});
    record_act(image, hands.received ? "received" : "transfer", fields);
}

} // namespace

int run_transfer(const std::vector<std::string>& arguments) {
    Hands hands;
    OutputOptions output;
    std::string image;
    CLI::App app("Record in the custody log that evidence changes hands, with what it is at that moment.", "transfer");
    app.footer(examples);
    app.add_option("IMAGE", image, "image that changes hands")->required();
    app.add_option("--to", hands.to, "who gets it")->required()->type_name("WHO");
    app.add_option("--why", hands.why, "for what")->required()->type_name("WHY");
    app.add_option("--from", hands.from, "who gives it (default: whoever runs this)")->type_name("WHO");
    app.add_option("--where", hands.where, "place, parcel or path")->type_name("WHERE");
    app.add_flag("--received", hands.received, "this is the receiving end");
    add_output_options(app, output);
    if (!parse_arguments(app, arguments)) return 0;

    VerifyOptions options;
    options.image = image;
    VerifyResult found;
    {
        const StopOnSignal stop;
        const auto console = open_console(output.style(), output.quiet);
        found = verify_image(options, *console, stop.token());
    }
    if (found.verdict == Verdict::altered || !found.manifest)
        throw Error(ExitCode::altered, image + ": altered, so it is not handed over; see kanshiki verify " + image);
    record(image, hands, found);
    if (output.json)
        std::cout << nlohmann::ordered_json{{"image", to_utf8_lossless(image)},
                                            {"recorded", hands.received ? "received" : "transfer"},
                                            {"root", to_hex(*found.root)},
                                            {"custody", to_utf8_lossless(Companions::of(image).custody.string())}}
                         .dump(2)
                  << "\n";
    else if (!output.quiet)
        std::cout << "recorded    in " << escape_terminal(Companions::of(image).custody.string()) << "\n";
    return 0;
}

} // namespace kanshiki
