#include "kanshiki/triage.h"

#include "acquire/commands/options.h"
#include "analyze/commands/describe.h"
#include "analyze/commands/output_folder.h"
#include "analyze/commands/volume_options.h"
#include "analyze/jail/jail.h"
#include "kanshiki/checksum_list.h"
#include "kanshiki/command.h"
#include "kanshiki/custody_log.h"
#include "kanshiki/error.h"
#include "kanshiki/escape.h"
#include "kanshiki/manifest.h"

#include <algorithm>
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <iostream>
#include <unistd.h>

namespace kanshiki {
namespace {

constexpr const char* examples = R"(Examples:
  kanshiki triage disk.img.zst -o triage              an image kanshiki made, or any raw image
  kanshiki triage /dev/nvme1n1 -o triage              a volume attached to this machine
  kanshiki triage ssh://user@host/dev/nvme1n1 --sudo -o triage
  kanshiki triage disk.img -o triage --json | jq .findings
  mactime -b triage/bodyfile -d > timeline.csv

The source is only read. DIR gets report.html (start there), findings.jsonl, timeline.jsonl (for Timesketch), bodyfile
(for mactime), listing.jsonl (every name, deleted ones too) and coverage.jsonl (what could not be read, and why).
Exit: 0 done, 2 wrong options or DIR not empty, 3 source lost, 5 DIR cannot be written, 6 refused, 11 no such image.)";

constexpr size_t most_shown = 10;
constexpr uint64_t largest_manifest = 64 * 1024 * 1024;

std::string plural(uint64_t count, const char* one, const char* many) {
    return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string first_evidence(const Finding& finding) {
    if (finding.evidence.empty()) return {};
    const Evidence& first = finding.evidence.front();
    std::string text = first.path;
    if (first.line) text += ":" + std::to_string(*first.line);
    if (finding.evidence.size() > 1) text += fmt::format(" and {} more", finding.evidence.size() - 1);
    return text;
}

// "rocky/root"; empty for a partition.
std::string name_of(const TriageResult& result, unsigned number) {
    const auto found = std::ranges::find(result.table.volumes, number, &Volume::number);
    return found == result.table.volumes.end() ? "" : found->name;
}

void print_row(const char* label, const std::string& text) {
    std::cout << fmt::format("{:<13}{}\n", label, escape_terminal(text));
}

void print_text(const TriageResult& result, const std::filesystem::path& folder) {
    print_row("source", result.source.uri + ", " + human_size(result.source.size.value_or(0)) +
                            ", partition table: " + result.table.scheme);
    for (const VolumeSummary& volume : result.volumes) {
        const std::string label = volume.file_system.label.empty() ? "" : " \"" + volume.file_system.label + "\"";
        const std::string name = name_of(result, volume.number);
        print_row("volume", fmt::format("{}{}: {}{}, {}: {}, {}, {} deleted", volume.number,
                                        name.empty() ? "" : " (" + name + ")", volume.file_system.type, label,
                                        human_size(volume.range.size), plural(volume.files, "file", "files"),
                                        plural(volume.directories, "directory", "directories"), volume.deleted));
    }
    if (result.volumes.empty()) print_row("volume", "none with a file system that this version reads");

    size_t counts[5] = {};
    for (const Finding& finding : result.findings) counts[static_cast<size_t>(finding.severity)]++;
    std::string line;
    for (const Severity severity :
         {Severity::critical, Severity::high, Severity::medium, Severity::low, Severity::info})
        if (const size_t count = counts[static_cast<size_t>(severity)])
            line += fmt::format("{}{} {}", line.empty() ? "" : ", ", count, severity_name(severity));
    print_row("findings", line.empty() ? "none" : line);
    for (size_t index = 0; index < std::min(most_shown, result.findings.size()); index++) {
        const Finding& finding = result.findings[index];
        const std::string place = first_evidence(finding);
        print_row("", fmt::format("{:<9}{}{}{}", severity_name(finding.severity), finding.title,
                                  place.empty() ? "" : ": ", place));
    }
    if (result.findings.size() > most_shown)
        print_row("", fmt::format("... and {} more", result.findings.size() - most_shown));

    if (!result.not_covered.empty()) {
        const auto in_file =
            std::ranges::find_if(result.not_covered, [](const NotCovered& each) { return !each.path.empty(); });
        const NotCovered& first = in_file == result.not_covered.end() ? result.not_covered.front() : *in_file;
        print_row("NOT READ",
                  plural(result.not_covered.size(), "place", "places") + ", listed in coverage.jsonl; one of them: " +
                      (first.path.empty() ? first.where : first.path + " (" + first.where + ")") + ": " + first.why);
    }
    std::string held;
    for (const std::string& each : result.confinement) held += (held.empty() ? "" : "; ") + each;
    print_row("confined by",
              held.empty() ? "nothing: hostile file systems were parsed with all rights of this program" : held);
    for (const Report& report : reports())
        if (report.file == "report.html") print_row("report", (folder / report.file).string());
    print_row("folder", folder.string());
}

void print_json(const TriageResult& result, const std::filesystem::path& folder) {
    using Json = nlohmann::ordered_json;
    Json volumes = Json::array(), findings = Json::array(), files = Json::array(), severities = Json::object();
    for (const VolumeSummary& each : result.volumes) {
        Json volume{{"number", each.number}, {"offset", each.range.offset}, {"size", each.range.size}};
        volume["name"] = to_utf8_lossless(name_of(result, each.number));
        volume["file_system"] = describe(each.file_system);
        volume["files"] = each.files, volume["directories"] = each.directories, volume["deleted"] = each.deleted;
        volumes.push_back(std::move(volume));
    }
    for (const Finding& each : result.findings) {
        const std::string severity(severity_name(each.severity));
        severities[severity] = severities.value(severity, 0) + 1;
        findings.push_back({{"severity", severity},
                            {"rule", each.rule},
                            {"title", to_utf8_lossless(each.title)},
                            {"where", to_utf8_lossless(first_evidence(each))}});
    }
    const auto sums = [](const std::vector<CoverageSum>& all, const char* unit) {
        Json list = Json::array();
        for (const CoverageSum& each : all)
            list.push_back({{"volume", each.of.volume},
                            {"treated", treated_name(each.of.treated)},
                            {"what", to_utf8_lossless(each.of.what)},
                            {"why", to_utf8_lossless(each.of.why)},
                            {unit, each.amount}});
        return list;
    };
    for (const Report& report : reports()) files.push_back(to_utf8_lossless((folder / report.file).string()));
    const Json out{{"source", to_utf8_lossless(result.source.uri)},
                   {"size", result.source.size.value_or(0)},
                   {"scheme", result.table.scheme},
                   {"volumes", volumes},
                   {"names", result.listing.size()},
                   {"severities", severities},
                   {"findings", findings},
                   {"not_covered", result.not_covered.size()},
                   {"coverage",
                    {{"bytes", sums(result.coverage.bytes, "bytes")}, {"names", sums(result.coverage.files, "names")}}},
                   {"confinement", result.confinement},
                   {"reports", files},
                   {"exit", 0}};
    std::cout << out.dump(2) << "\n";
}

// The manifest beside an image. Opened before the jail shuts, parsed inside it. It only adds names to the report, so
// one that makes no sense is a gap in the report and no reason to look at nothing.
struct ManifestBeside {
    std::string name, text, fault;

    explicit ManifestBeside(const std::string& spec) {
        const auto path = Companions::of(spec).manifest;
        std::error_code ignored;
        if (spec.starts_with("ssh://") || !std::filesystem::is_regular_file(path, ignored)) return;
        name = path.string();
        try {
            text = read_file(path, largest_manifest, ExitCode::never_valid);
        } catch (const Error& error) {
            fault = error.what();
        }
    }

    void tell(TriageResult& result, Events& events) const {
        if (name.empty()) return;
        std::string why = fault;
        try {
            if (why.empty()) result.case_info = parse_manifest(text, name).case_info;
        } catch (const Error& error) {
            why = error.what();
        }
        if (why.empty()) return;
        events.report({"notice", "the report is without case fields: " + why});
        result.not_covered.push_back({0, "", "manifest", why});
    }
};

TriageResult triage_into(const std::string& spec, const std::filesystem::path& folder, const OpenOptions& open,
                         bool force, const TriageOptions& options, Events& events, std::stop_token stop) {
    if (spec == "-") throw Error(ExitCode::usage, "standard input cannot be triaged: acquire it first");
    const auto source = open_image_or_source(spec, open, events);
    prepare_folder(folder, force,
                   "--force replaces the reports in it"); // nothing is left behind by a source that cannot be opened
    const ManifestBeside manifest(spec);
    const auto held = confine({folder, spec.starts_with("ssh://")});
    TriageResult result = run_triage(*source, options, events, stop);
    result.confinement = held;
    manifest.tell(result, events);
    write_reports(result, folder);
    return result;
}

// In the custody log of evidence of ours. Where that cannot be written it is said; the reports are there all the same.
void record_triage(const std::string& spec, const std::filesystem::path& folder) {
    std::error_code ignored;
    if (spec.starts_with("ssh://") || !std::filesystem::is_regular_file(Companions::of(spec).manifest, ignored)) return;
    const auto why = try_record_act(
        spec, "triage",
        {{"folder", folder.string()}, {"report_sha256", to_hex(sha256_of_file(folder / "report.html"))}});
    if (why) std::cerr << "kanshiki: this triage is not in the custody log: " << escape_terminal(*why) << "\n";
}

// The child's part of triage_image: its exit status.
int hand_over(const std::string& image, const std::string& folder) {
    try {
        const auto events = open_console(ProgressStyle::automatic, false);
        print_text(triage_into(image, folder, {}, false, {}, *events, {}), folder);
        std::cout.flush();
        return 0;
    } catch (const Error& error) {
        std::cerr << "kanshiki: " << escape_terminal(error.what()) << "\n";
        return static_cast<int>(error.code());
    } catch (const std::exception& error) {
        std::cerr << "kanshiki: internal error: " << escape_terminal(error.what()) << "\n";
        return static_cast<int>(ExitCode::internal);
    }
}

} // namespace

int run_triage_command(const std::vector<std::string>& arguments) {
    OpenOptions open;
    OutputOptions output;
    TriageOptions options;
    std::string spec, folder;
    bool force = false;
    CLI::App app("List every file of a volume, read the traces of a compromise, and report what was found.", "triage");
    app.footer(examples);
    app.add_option("SOURCE", spec, "image, block device, file, or ssh://[user@]host[:port]/dev/...")->required();
    app.add_option("-o,--output", folder, "folder for the reports; made, mode 0700")->required()->type_name("DIR");
    app.add_flag("--force", force, "replace the reports in a folder that is not empty");
    app.add_option("--threads", options.threads,
                   "that read files (default: one per core); the output is the same for any number")
        ->check(CLI::Range(1u, 1024u))
        ->type_name("N");
    add_source_options(app, open);
    add_volume_options(app, options.volumes);
    add_output_options(app, output);
    if (!parse_arguments(app, arguments)) return 0;

    if (const auto status = run_in_child(spec)) {
        if (*status == 0) record_triage(spec, folder);
        return *status;
    }
    const StopOnSignal signals;
    const auto events = open_console(output.style(), output.quiet);
    const TriageResult result = triage_into(spec, folder, open, force, options, *events, signals.token());
    output.json ? print_json(result, folder) : print_text(result, folder);
    return 0;
}

void triage_image(const std::string& image, const std::string& folder) {
    const auto not_done = [&](const std::string& why) {
        return Error(ExitCode::later_step, "the image is complete, its triage is not: " + why +
                                               "; make it up with kanshiki triage " + image + " -o " + folder);
    };
    std::optional<int> status;
    try {
        status = run_in_child(image);
    } catch (const Error& error) {
        throw not_done(error.what());
    }
    if (status && *status != 0) throw not_done("it ended with exit status " + std::to_string(*status));
    if (status) return record_triage(image, folder);
    ::_exit(hand_over(image, folder)); // the child: nothing else of the acquisition may run twice
}

} // namespace kanshiki
