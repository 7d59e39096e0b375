#include "kanshiki/verify.h"
#include "acquire/commands/against_source.h"
#include "acquire/commands/explanation.h"
#include "acquire/commands/options.h"
#include "kanshiki/command.h"
#include "kanshiki/custody_log.h"
#include "kanshiki/error.h"
#include "kanshiki/escape.h"
#include "kanshiki/pipeline.h"
#include "kanshiki/terminal.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <iostream>
#include <nlohmann/json.hpp>

namespace kanshiki {
namespace {

constexpr const char* examples = R"(Examples:
  kanshiki verify disk.img.zst                            does everything beside it agree with it?
  kanshiki verify disk.img --expect-root 8f3c...          and is it the image whose root was noted?
  kanshiki verify disk.img --trust-key ito.pub            and did this key sign it? (--trust-cert tsa.pem: when?)
  kanshiki verify disk.img --source /dev/nvme1n1          and is the original still the same?
  kanshiki verify disk.img --source ssh://host/dev/nvme1n1 --sudo --repair -o mended.img
  kanshiki verify disk.img --explain                      which files does the damage lie in?
  kanshiki verify disk.img --json | jq .verdict

Reads IMAGE once, in parallel, and needs nothing but the files beside it; says what was missing and could not be checked.
The last line is the verdict:
  authentic        a key given with --trust-key signed it, or its root is that of --expect-root; nothing contradicts it
  consistent only  the files agree with each other; whoever rewrote them all could have made them so
  altered          something differs: where, is said above
A source that has changed since is no damage of the image. A repair writes a new image, in which just the damaged chunks
are fetched again, each accepted only if it equals its leaf; the damaged one is not touched.
What was found is noted in the custody log (--no-record: not).
Exit: 0 authentic or consistent only, or repaired, 10 altered or cut short (or, with --require-signature, not authentic), 11 not evidence of kanshiki, or nothing to check it with,
3 the acquisition is not finished, 2 no such file or wrong options, 6 it may not be read.)";

constexpr size_t most_damage_shown = 50;

using Json = nlohmann::ordered_json;

Json ranges_json(const std::vector<Range>& ranges) {
    Json out = Json::array();
    for (const Range& range : ranges) out.push_back({{"offset", range.offset}, {"size", range.size}});
    return out;
}

Json source_json(const AgainstSourceResult& source) {
    if (!source.comparison) return nullptr;
    const SourceComparison& now = *source.comparison;
    return {{"uri", to_utf8_lossless(now.uri)},
            {"same", now.same()},
            {"size", now.size},
            {"differing", ranges_json(now.differing)},
            {"missing_chunks", now.missing_chunks},
            {"unreadable_bytes", now.unreadable}};
}

Json as_json(const VerifyOptions& options, const VerifyResult& result, const AgainstSourceResult& source,
             ExitCode code) {
    Json checked = Json::array(), not_checked = Json::array(), damage = Json::array(), notes = Json::array();
    for (const std::string& what : result.checked) checked.push_back(to_utf8_lossless(what));
    for (const NotChecked& one : result.not_checked)
        not_checked.push_back({{"what", to_utf8_lossless(one.what)}, {"why", to_utf8_lossless(one.why)}});
    for (const Damage& one : result.damage) {
        Json entry{{"file", to_utf8_lossless(one.file)},
                   {"offset", nullptr},
                   {"size", nullptr},
                   {"what", to_utf8_lossless(one.what)}};
        if (one.range) entry["offset"] = one.range->offset, entry["size"] = one.range->size;
        damage.push_back(std::move(entry));
    }
    for (const std::string& note : result.notes) notes.push_back(to_utf8_lossless(note));
    Json out{{"image", to_utf8_lossless(options.image.string())},
             {"verdict", verdict_name(result.verdict)},
             {"size", result.size},
             {"chunks", result.chunks},
             {"root", nullptr},
             {"checked", checked},
             {"not_checked", not_checked},
             {"damage", damage},
             {"notes", notes},
             {"exit", static_cast<int>(code)}};
    if (result.root) out["root"] = to_hex(*result.root);
    out["source"] = source_json(source);
    out["repaired"] = nullptr;
    if (source.root) out["repaired"] = {{"root", to_hex(*source.root)}, {"replaced", ranges_json(source.replaced)}};
    return out;
}

void print_row(const char* label, const std::string& text) {
    std::cout << fmt::format("{:<13}{}\n", label, escape_terminal(text));
}

// The manifest is a file like the others: what it tells is repeated as its words, not as ours.
void print_manifest(const Manifest& m) {
    print_row("source", m.source_uri + ", " + m.started + " to " + m.ended +
                            (m.live ? ", live (not point in time): " + m.live_why : ""));
    if (!m.case_info.case_id.empty() || !m.case_info.evidence_id.empty())
        print_row("case", m.case_info.case_id +
                              (m.case_info.evidence_id.empty() ? "" : ", evidence " + m.case_info.evidence_id));
    if (m.unreadable_bytes)
        print_row("unreadable", fmt::format("{} bytes in {} ranges at the source: zeros in the image",
                                            m.unreadable_bytes, m.unreadable_ranges));
}

void print_damage(const VerifyResult& result) {
    size_t shown = 0;
    for (const Damage& one : result.damage) {
        if (shown++ == most_damage_shown) {
            print_row("", fmt::format("... and {} more: --json lists all", result.damage.size() - most_damage_shown));
            break;
        }
        std::string place;
        if (one.range) {
            const uint64_t first = one.range->offset / chunk_size, last = (one.range->end() - 1) / chunk_size;
            place = fmt::format("bytes {} to {} ({}): ", one.range->offset, one.range->end() - 1,
                                first == last ? fmt::format("chunk {}", first)
                                              : fmt::format("chunks {} to {}", first, last));
        }
        print_row(shown == 1 ? "DAMAGE" : "", one.file + ": " + place + one.what);
    }
}

void print_list(const char* label, const std::vector<std::string>& texts) {
    std::string line;
    for (const std::string& text : texts) {
        if (!line.empty() && line.size() + text.size() > 100) {
            print_row(label, line + ",");
            label = "";
            line.clear();
        }
        line += (line.empty() ? "" : ", ") + text;
    }
    if (!line.empty()) print_row(label, line);
}

void print_text(const VerifyOptions& options, const VerifyResult& result) {
    print_row("image", options.image.string());
    if (result.root) print_row("size", fmt::format("{} bytes, {} chunks", result.size, result.chunks));
    if (result.root) print_row("root", to_hex(*result.root));
    if (result.manifest) print_manifest(*result.manifest);
    print_list("checked", result.checked);
    for (const NotChecked& one : result.not_checked) print_row("NOT CHECKED", one.what + ": " + one.why);
    for (const std::string& note : result.notes) print_row("note", note);
    print_damage(result);
    print_row("verdict", std::string(verdict_name(result.verdict)));
    if (result.verdict == Verdict::consistent_only)
        std::cout << "             These files agree with each other, but whoever rewrote them all could have made "
                     "them so. With a root noted\n"
                     "             elsewhere when it was acquired: kanshiki verify IMAGE --expect-root HEX; or, if "
                     "signed: --trust-key KEY\n";
}

// The evidence may lie where nothing can be written: then it is said, and the verdict stands. A log is not begun with
// altered evidence: its first line would vouch for the manifest as it is now.
void record(const VerifyOptions& options, VerifyResult& result) {
    if (result.verdict == Verdict::altered && !std::filesystem::exists(Companions::of(options.image).custody)) return;
    LogFields fields{{"verdict", std::string(verdict_name(result.verdict))},
                     {"damage", uint64_t(result.damage.size())}};
    if (result.root) fields.push_back({"root", to_hex(*result.root)});
    if (const auto why = try_record_act(options.image, "verify", fields))
        result.notes.push_back("this verification is not in the custody log: " + *why);
}

} // namespace

int run_verify(const std::vector<std::string>& arguments, const ExplainHandover& explain) {
    VerifyOptions options;
    OutputOptions output;
    std::string image, expected;
    bool require_signature = false, no_record = false, explained = false;
    CLI::App app("Check an image against the files beside it, and say where it was altered.", "verify");
    app.footer(examples);
    app.add_option("IMAGE", image, "image to check")->required();
    app.add_option("--expect-root", expected, "the root noted when it was acquired: 64 hex digits")->type_name("HEX");
    app.add_option("--trust-key", options.trust.keys,
                   "public key (or certificate) of who may have signed; may be repeated")
        ->type_name("FILE")
        ->allow_extra_args(false);
    app.add_option("--trust-cert", options.trust.authorities,
                   "certificate (PEM) of a time-stamp authority that is trusted; may be repeated")
        ->type_name("FILE")
        ->allow_extra_args(false);
    app.add_flag("--require-signature", require_signature, "exit 10 unless the verdict is authentic");
    app.add_flag("--no-record", no_record, "leave the custody log as it is");
    app.add_flag("--explain", explained, "which files the damaged and the unreadable parts belong to");
    AgainstSource against;
    app.add_option("--source", against.source, "compare it with the original: block device, file or ssh://host/dev/...")
        ->type_name("SOURCE");
    app.add_flag("--repair", against.repair, "write a new image, with what is damaged fetched again from --source");
    app.add_option("-o,--output", against.outputs, "of --repair: the new image")
        ->type_name("NEW")
        ->allow_extra_args(false);
    app.add_option("--threads", options.threads, "of CPU work (default: one per core)")
        ->check(CLI::Range(1u, 1024u))
        ->type_name("N");
    add_source_options(app, against.open);
    add_output_options(app, output);
    if (!parse_arguments(app, arguments)) return 0;
    against.check();
    against.arguments = arguments;
    against.arguments.insert(against.arguments.begin(), {"kanshiki", "verify"});
    options.image = image;
    if (app.count("--expect-root")) {
        options.expect_root = digest_from_hex(expected);
        if (!options.expect_root)
            throw Error(ExitCode::usage, "--expect-root: '" + expected + "' is not a root: 64 hex digits");
    }

    VerifyResult result;
    AgainstSourceResult source;
    {
        const StopOnSignal stop;
        const auto console = open_console(output.style(), output.quiet);
        result = verify_image(options, *console, stop.token());
        source = go_to_source(against, options, result, *console, stop.token());
    }
    const bool insufficient = require_signature && result.verdict != Verdict::authentic;
    const bool bad = result.verdict == Verdict::altered && !source.root; // a repair has made up for it
    const ExitCode code = bad || insufficient ? ExitCode::altered : ExitCode::ok;
    if (!no_record && result.manifest) record(options, result);
    const Json explanation = explained ? explain_damage(options, result, explain) : Json();
    if (output.json) {
        Json out = as_json(options, result, source, code);
        out["explained"] = explanation;
        std::cout << out.dump(2) << "\n";
    } else if (!output.quiet) {
        print_text(options, result);
        print_explanation(explanation);
        print_against_source(against, source);
    }
    return static_cast<int>(code);
}

} // namespace kanshiki
