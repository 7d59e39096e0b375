#include "analyze/proof/check.h"
#include "acquire/commands/options.h"
#include "analyze/jail/jail.h"
#include "kanshiki/command.h"
#include "kanshiki/error.h"
#include "kanshiki/escape.h"

#include <CLI/CLI.hpp>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

namespace kanshiki {
namespace {

constexpr const char* examples = R"(Examples:
  kanshiki check passwd.proof.json                            do the proof and its chunks agree?
  kanshiki check passwd.proof.json --trust-key ito.pub        and did this key sign the image that they belong to?
  kanshiki check passwd.proof.json --expect-root 8f3c...      and is it the image of this root?
  kanshiki check passwd.proof.json --trust-key ito.pub --extract passwd

Needs the proof and its data file, nothing else: no image, no network. The last line is the verdict:
  authentic        a key given with --trust-key signed the manifest of the image, or its root is that of --expect-root
  consistent only  proof and data agree; whoever made both could have made them so
  altered          something differs: what, is said above
Exit: 0 authentic or consistent only, 10 altered (or, with --require-signature, not authentic), 11 not a proof, 2 no such
file, wrong options, or --extract's file exists.)";

using Json = nlohmann::ordered_json;

Json subject_json(const Proof& proof) {
    Json ranges = Json::array();
    for (const Range& range : proof.ranges) ranges.push_back({{"offset", range.offset}, {"size", range.size}});
    if (!proof.file) return {{"ranges", ranges}, {"sha256", to_hex(proof.sha256.value_or(Digest{}))}};
    return {{"path", to_utf8_lossless(proof.file->path)},
            {"volume", proof.file->volume},
            {"inode", proof.file->inode},
            {"size", proof.file->size},
            {"sha256", to_hex(proof.file->sha256)},
            {"ranges", ranges}};
}

Json as_json(const CheckOptions& options, const CheckResult& result, ExitCode code) {
    Json not_checked = Json::array(), unreadable = Json::array(), damage = Json::array(), checked = Json::array();
    for (const std::string& what : result.checked) checked.push_back(to_utf8_lossless(what));
    for (const NotChecked& one : result.not_checked)
        not_checked.push_back({{"what", to_utf8_lossless(one.what)}, {"why", to_utf8_lossless(one.why)}});
    for (const std::string& what : result.damage) damage.push_back(to_utf8_lossless(what));
    for (const Bad& bad : result.unreadable)
        unreadable.push_back({{"offset", bad.range.offset}, {"size", bad.range.size}, {"errno", bad.error}});
    return {{"proof", to_utf8_lossless(options.proof.string())},
            {"image", result.proof.image},
            {"root", to_hex(result.proof.root)},
            {"subject", subject_json(result.proof)},
            {"verdict", verdict_name(result.verdict)},
            {"checked", checked},
            {"not_checked", not_checked},
            {"damage", damage},
            {"unreadable", unreadable},
            {"exit", static_cast<int>(code)}};
}

void print_row(const char* label, const std::string& text) {
    std::cout << fmt::format("{:<13}{}\n", label, escape_terminal(text));
}

// What the manifest tells is repeated as its words.
void print_text(const CheckResult& result) {
    const Proof& proof = result.proof;
    print_row("image", fmt::format("{}, {} bytes", proof.image, proof.size));
    print_row("root", to_hex(proof.root));
    if (const auto& m = result.manifest) {
        print_row("source", m->source_uri + ", " + m->started + " to " + m->ended);
        if (!m->case_info.case_id.empty())
            print_row("case", m->case_info.case_id + ", evidence " + m->case_info.evidence_id);
    }
    if (proof.file) {
        print_row("file", fmt::format("{}, {} bytes, inode {}, volume {}", proof.file->path, proof.file->size,
                                      proof.file->inode, proof.file->volume));
        print_row("sha256", to_hex(proof.file->sha256));
    } else {
        for (const Range& range : proof.ranges)
            print_row("range", fmt::format("bytes {} to {}", range.offset, range.end() - 1));
        print_row("sha256", to_hex(proof.sha256.value_or(Digest{})));
    }
    for (const Bad& bad : result.unreadable)
        print_row("UNREADABLE", fmt::format("bytes {} to {} at the source ({}): zeros", bad.range.offset,
                                            bad.range.end() - 1, std::strerror(bad.error)));
    for (const std::string& what : result.checked) print_row("checked", what);
    for (const NotChecked& one : result.not_checked) print_row("not checked", one.what + ": " + one.why);
    for (const std::string& what : result.damage) print_row("DAMAGE", what);
    print_row("verdict", std::string(verdict_name(result.verdict)));
}

void extract_to(const std::string& file, ProofChecker& checker, std::stop_token stop) {
    std::ofstream out(file, std::ios::binary);
    if (!out) throw Error(ExitCode::destination, file + ": cannot be written");
    checker.extract(out, stop);
}

} // namespace

int run_check(const std::vector<std::string>& arguments) {
    CheckOptions options;
    std::string proof, data, root, extract;
    std::vector<std::string> keys;
    bool json = false, quiet = false, require = false;
    CLI::App app("Check a proof, with neither image nor network.", "check");
    app.footer(examples);
    app.add_option("PROOF", proof, "made by kanshiki prove")->required();
    app.add_option("--data", data, "its chunks (default: beside it, by the name in it)")->type_name("FILE");
    app.add_option("--expect-root", root, "the root that is known from elsewhere")->type_name("HEX");
    app.add_option("--trust-key", keys, "public key or certificate of who signed; may be given again")
        ->type_name("FILE")
        ->allow_extra_args(false);
    app.add_flag("--require-signature", require, "anything less than authentic is exit 10");
    app.add_option("--extract", extract, "write the proven bytes here, if nothing is wrong with them")
        ->type_name("FILE");
    app.add_flag("--json", json, "the result as one JSON object on standard output");
    app.add_flag("-q,--quiet", quiet, "print nothing; the exit status says it");
    if (!parse_arguments(app, arguments)) return 0;
    options.proof = proof;
    options.data = data;
    options.trusted_keys.assign(keys.begin(), keys.end());
    if (!root.empty()) {
        options.expect_root = digest_from_hex(root);
        if (!options.expect_root) throw Error(ExitCode::usage, "--expect-root: " + root + " is not 64 hex digits");
    }

    if (const auto status = run_in_child(proof)) return *status;
    const StopOnSignal signals;
    ProofChecker checker(options);
    std::error_code ignored;
    const std::filesystem::path target = extract;
    if (!extract.empty() && std::filesystem::exists(std::filesystem::symlink_status(target, ignored)))
        throw Error(ExitCode::usage, extract + ": exists; it is not overwritten");
    confine({extract.empty() ? "" : target.has_parent_path() ? target.parent_path() : ".", false});
    const CheckResult result = checker.run(signals.token());
    if (!extract.empty() && result.damage.empty()) extract_to(extract, checker, signals.token());
    const bool enough =
        result.verdict == Verdict::authentic || (!require && result.verdict == Verdict::consistent_only);
    const ExitCode code = enough ? ExitCode::ok : ExitCode::altered;
    if (json)
        std::cout << as_json(options, result, code).dump(2) << "\n";
    else if (!quiet)
        print_text(result);
    return static_cast<int>(code);
}

} // namespace kanshiki
