#include "acquire/acquisition/acquisition.h"
#include "acquire/commands/options.h"
#include "kanshiki/command.h"
#include "kanshiki/error.h"
#include "kanshiki/escape.h"
#include "kanshiki/terminal.h"

#include <chrono>
#include <CLI/CLI.hpp>
#include <cstring>
#include <fmt/format.h>
#include <iostream>
#include <nlohmann/json.hpp>

namespace kanshiki {
namespace {

constexpr const char* examples = R"(Examples:
  kanshiki acquire /dev/nvme1n1 -o case42/disk.img.zst --case 42 --examiner "A. Ito"
  kanshiki acquire ssh://ec2-user@10.0.0.7/dev/nvme1n1 --sudo -o disk.img.zst
  kanshiki acquire ssh://host/dev/sdb -o /evidence/disk.img -o /work/disk.img.zst   two copies, one read
  kanshiki acquire ssh://host/dev/sdb -o disk.img.zst --resume                      after a drop or a kill
  kanshiki acquire /dev/nvme1n1 -o disk.img --sign key.pem --timestamp http://timestamp.digicert.com
  dd if=/dev/sdb bs=1M | kanshiki acquire - -o disk.img

IMAGE's extension chooses the format: .img .raw .dd (sparse raw), .img.zst (seekable zstd; zstd -d restores it),
.E01 (EWF for EnCase, FTK, Autopsy and the Sleuth Kit; MD5 is always taken), .001 (raw in pieces). --split sets the size of a piece.
Beside IMAGE: .manifest.json .chunks .map .log.jsonl .sha256. Check it later with kanshiki verify IMAGE.
Exit: 0 complete, 3 source lost (resume), 4 complete with unreadable sectors (the map says where),
5 destination failed (resume), 6 refused, 7 evidence complete but triage or time-stamp failed, 130 interrupted (resume).)";

void print_json(const AcquireOptions& options, const AcquireResult& result, double seconds, ExitCode code) {
    const Manifest& m = result.manifest;
    nlohmann::ordered_json images = nlohmann::ordered_json::array(), unreadable = nlohmann::ordered_json::array();
    for (const auto& image : options.images) images.push_back(to_utf8_lossless(image.string()));
    for (const Bad& bad : m.unreadable)
        unreadable.push_back(
            {{"offset", bad.range.offset}, {"size", bad.range.size}, {"error", std::strerror(bad.error)}});
    nlohmann::ordered_json out{
        {"image", images[0]},
        {"images", images},
        {"size", m.size},
        {"root", to_hex(m.root)},
        {"digests", m.digests},
        {"chunks", m.chunks},
        {"zero_chunks", m.zero_chunks},
        {"unreadable_bytes", m.unreadable_bytes},
        {"unreadable", unreadable},
        {"resumed_at", nullptr},
        {"was_complete", result.was_complete},
        {"seconds", seconds},
        {"exit", static_cast<int>(code)},
        {"manifest", to_utf8_lossless(Companions::of(options.images.front()).manifest.string())}};
    if (result.resumed_at) out["resumed_at"] = *result.resumed_at;
    out["signed_by"] = nullptr;
    out["timestamp"] = nullptr;
    if (!result.signed_by.empty()) out["signed_by"] = result.signed_by;
    if (!result.stamped.empty()) out["timestamp"] = result.stamped.front().time;
    std::cout << out.dump(2) << "\n";
}

void print_text(const AcquireOptions& options, const AcquireResult& result, double seconds) {
    const Manifest& m = result.manifest;
    if (result.was_complete) std::cout << "complete already; nothing left to do\n";
    for (const auto& image : options.images) std::cout << "image       " << escape_terminal(image.string()) << "\n";
    std::cout << "source      " << escape_terminal(m.source_uri) << (m.live ? "  (live, not point in time)" : "")
              << "\n"
              << fmt::format("size        {} bytes, {} chunks of 512 KiB, {} of them zero\n", m.size, m.chunks,
                             m.zero_chunks)
              << "root        " << to_hex(m.root) << "\n";
    for (const auto& [name, digest] : m.digests) std::cout << fmt::format("{:<12}{}\n", name, digest);
    if (result.resumed_at) std::cout << fmt::format("resumed     at byte {}\n", *result.resumed_at);
    if (m.unreadable_bytes > 0)
        std::cout << fmt::format("UNREADABLE  {} bytes in {} ranges, zero in the image: see {}\n", m.unreadable_bytes,
                                 m.unreadable.size(),
                                 escape_terminal(Companions::of(options.images.front()).map.string()));
    if (!result.signed_by.empty()) std::cout << "signed by   " << result.signed_by << "\n";
    if (!result.stamped.empty())
        std::cout << "stamped     " << result.stamped.front().time << " by "
                  << escape_terminal(result.stamped.front().authority) << "\n";
    if (!result.was_complete) std::cout << fmt::format("took        {:.1f} s\n", seconds);
}

} // namespace

int run_acquire(const std::vector<std::string>& arguments, const TriageHandover& triage) {
    AcquireOptions options;
    OutputOptions output;
    std::string hash = "sha256", triage_folder;
    std::vector<std::string> images;
    CLI::App app("Image a volume: every sector it has, hashed as it is read, with the files that prove it.", "acquire");
    app.footer(examples);
    app.add_option("SOURCE", options.source,
                   "block device, file, ssh://[user@]host[:port]/dev/..., or - for standard input")
        ->required();
    app.add_option("-o,--output", images, "IMAGE to write; twice for a master and a working copy")
        ->required()
        ->type_name("IMAGE")
        ->allow_extra_args(false);
    app.add_option("--hash", hash,
                   "digests of the whole image: sha256,md5,sha1,sha512, or none (chunks and root alone)")
        ->type_name("LIST")
        ->capture_default_str();
    app.add_option("--level", options.level, "zstd level of .img.zst")
        ->check(CLI::Range(1, 19))
        ->type_name("N")
        ->capture_default_str();
    add_split_option(app, options.split);
    app.add_flag("--resume", options.resume, "go on with an unfinished image; start afresh when there is none");
    app.add_flag("--force", options.force, "overwrite an existing image");
    app.add_flag("--verify", options.read_back, "read the image back from the medium before it is called evidence");
    app.add_option("--triage", triage_folder, "when done, triage the image into this folder")->type_name("DIR");
    app.add_option("--threads", options.threads, "of CPU work (default: one per core)")
        ->check(CLI::Range(1u, 1024u))
        ->type_name("N");
    CaseInfo& about = options.case_info;
    app.add_option("--case", about.case_id, "case number")->type_name("TEXT")->group("Custody");
    app.add_option("--evidence", about.evidence_id, "evidence or exhibit number")->type_name("TEXT")->group("Custody");
    app.add_option("--examiner", about.examiner, "who acquires")->type_name("TEXT")->group("Custody");
    app.add_option("--authority", about.authority, "by what right: warrant, consent, contract")
        ->type_name("TEXT")
        ->group("Custody");
    app.add_option("--note", about.note, "anything else")->type_name("TEXT")->group("Custody");
    add_source_options(app, options.open);
    add_seal_options(app, options.seal);
    add_output_options(app, output);
    if (!parse_arguments(app, arguments)) return 0;

    if (app.count("--level") > 0) options.open.ssh.level = options.level;
    options.images.assign(images.begin(), images.end());
    options.digests = parse_digests(hash);
    if (!options.seal.timestamp_url.empty() && options.seal.key.empty())
        throw Error(ExitCode::usage, "--timestamp stamps a signature: give --sign KEY too");
    options.arguments = arguments;
    options.arguments.insert(options.arguments.begin(), {"kanshiki", "acquire"});

    const auto start = std::chrono::steady_clock::now();
    AcquireResult result;
    {
        const StopOnSignal stop;
        const auto console = open_console(output.style(), output.quiet);
        result = acquire(options, *console, stop.token());
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const ExitCode code = !result.not_stamped.empty()            ? ExitCode::later_step
                          : result.manifest.unreadable_bytes > 0 ? ExitCode::unreadable
                                                                 : ExitCode::ok;
    if (output.json)
        print_json(options, result, seconds, code);
    else if (!output.quiet)
        print_text(options, result, seconds);

    if (!triage_folder.empty()) triage(options.images.front().string(), triage_folder);
    if (!result.not_stamped.empty())
        throw Error(ExitCode::later_step,
                    "the evidence is complete and signed, but has no time-stamp: " + result.not_stamped +
                        "; make it up with kanshiki seal " + options.images.front().string() + " --timestamp URL");
    return static_cast<int>(code);
}

} // namespace kanshiki
