#include "analyze/proof/prove.h"
#include "acquire/commands/options.h"
#include "analyze/jail/jail.h"
#include "kanshiki/checksum_list.h"
#include "kanshiki/command.h"
#include "kanshiki/custody_log.h"
#include "kanshiki/error.h"
#include "kanshiki/escape.h"
#include "kanshiki/pipeline.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <iostream>
#include <nlohmann/json.hpp>

namespace kanshiki {
namespace {

constexpr const char* examples = R"(Examples:
  kanshiki prove disk.img.zst /etc/passwd -o passwd.proof.json         one file
  kanshiki prove disk.img.zst /var/log/auth.log --volume 2 -o auth.proof.json
  kanshiki prove disk.img 1048576+4096 -o range.proof.json             a range of the image: OFFSET+SIZE, 0x..., 1M+64K
  kanshiki check passwd.proof.json --trust-key ito.pub                 what the other side does with it

Shows that one file, or one range, belongs to the image of this root, without handing over the image. Writes the proof and, beside
it, the chunks of 512 KiB that hold it (NAME.data). A chunk is disclosed whole: the result tells which neighbouring bytes
that are. For a file the chunks of the file system's metadata that give the path its content are in the proof too; where they
are more than --metadata-limit, they are left out and the proof marks that as asserted.
The manifest and its signature are in the proof: seal the evidence first, or tell the other side the root.
Exit: 0 written, 2 no such file, wrong options, or it exists, 5 the destination failed, 10 the image is not what was
recorded of it, 11 not evidence of kanshiki.)";

using Json = nlohmann::ordered_json;

uint64_t total(const std::vector<Range>& ranges) {
    uint64_t out = 0;
    for (const Range& range : ranges) out += range.size;
    return out;
}

void print_json(const ProveOptions& options, const ProveResult& result) {
    const Proof& proof = result.proof;
    const auto also = disclosed(proof);
    Json others = Json::array();
    for (const Range& range : also) others.push_back({{"offset", range.offset}, {"size", range.size}});
    const Json out{{"image", to_utf8_lossless(options.image.string())},
                   {"proof", to_utf8_lossless(options.output.string())},
                   {"data", to_utf8_lossless(proof.data)},
                   {"root", to_hex(proof.root)},
                   {"bytes", total(proof.ranges)},
                   {"sha256", to_hex(proof.file ? proof.file->sha256 : proof.sha256.value_or(Digest{}))},
                   {"assignment", !proof.file ? Json() : Json(proof.file->asserted.empty() ? "shown" : "asserted")},
                   {"chunks", proof.chunks.size()},
                   {"metadata_chunks", result.metadata_chunks},
                   {"discloses_also", others},
                   {"signed", proof.signature.has_value()},
                   {"exit", 0}};
    std::cout << out.dump(2) << "\n";
}

void print_text(const ProveOptions& options, const ProveResult& result) {
    constexpr size_t most_shown = 10;
    const Proof& proof = result.proof;
    const auto row = [](const char* label, const std::string& text) {
        std::cout << fmt::format("{:<13}{}\n", label, escape_terminal(text));
    };
    row("image", options.image.string());
    row("root", to_hex(proof.root));
    if (proof.file)
        row("file", fmt::format("{}, {} bytes, inode {}, volume {}", proof.file->path, proof.file->size,
                                proof.file->inode, proof.file->volume));
    else
        row("range", fmt::format("bytes {} to {}", proof.ranges.front().offset, proof.ranges.front().end() - 1));
    row("sha256", to_hex(proof.file ? proof.file->sha256 : proof.sha256.value_or(Digest{})));
    if (proof.file)
        row("assignment", proof.file->asserted.empty() ? "shown by the file system's metadata in the proof"
                                                       : "ASSERTED only: " + proof.file->asserted);
    const auto also = disclosed(proof);
    row("chunks", fmt::format("{}, of which {} of metadata; {} bytes proven", proof.chunks.size(),
                              result.metadata_chunks, total(proof.ranges)));
    row("DISCLOSES",
        fmt::format("{} neighbouring bytes too, since chunks are whole, in {} ranges:", total(also), also.size()));
    for (size_t i = 0; i < std::min(also.size(), most_shown); ++i)
        row("", fmt::format("bytes {} to {}", also[i].offset, also[i].end() - 1));
    if (also.size() > most_shown) row("", fmt::format("and {} more: --json lists all", also.size() - most_shown));
    if (!proof.signature)
        row("signature", "none: whoever checks this needs the root from elsewhere (kanshiki seal signs)");
    row("proof", options.output.string());
    row("data", proof.data + fmt::format(", {} bytes: goes with it", data_size(proof)));
}

// In the image's custody log: the parent's work, since the child may write the output's folder alone.
void record_proof(const ProveOptions& options) {
    const auto why = try_record_act(options.image, "prove",
                                    {{"subject", options.subject},
                                     {"proof", options.output.filename().string()},
                                     {"proof_sha256", to_hex(sha256_of_file(options.output))}});
    if (why) std::cerr << "kanshiki: this proof is not in the custody log: " << escape_terminal(*why) << "\n";
}

} // namespace

int run_prove(const std::vector<std::string>& arguments) {
    ProveOptions options;
    OutputOptions output;
    std::string image, file;
    CLI::App app("Prove that a file or a range belongs to an image, without handing over the image.", "prove");
    app.footer(examples);
    app.add_option("IMAGE", image, "image, with its manifest and chunk list beside it")->required();
    app.add_option("PATH|RANGE", options.subject, "/path of a file, or OFFSET+SIZE in the image")->required();
    app.add_option("-o,--output", file, "the proof to write; its chunks go beside it, as .data")
        ->required()
        ->type_name("FILE");
    app.add_option("--volume", options.volume, "that the path is in, as kanshiki info numbers and names them")
        ->type_name("N|NAME");
    app.add_option("--metadata-limit", options.metadata_limit, "most chunks of metadata that go along with a file")
        ->check(CLI::Range(0u, 100'000u))
        ->type_name("N")
        ->capture_default_str();
    app.add_flag("--force", options.force, "overwrite an existing proof");
    add_output_options(app, output);
    if (!parse_arguments(app, arguments)) return 0;
    options.image = image;
    options.output = file;

    if (const auto status = run_in_child(image)) {
        if (*status == 0) record_proof(options);
        return *status;
    }
    const StopOnSignal signals;
    const auto events = open_console(output.style(), output.quiet);
    Prover prover(options);
    const auto folder = options.output.parent_path();
    confine({folder.empty() ? "." : folder, false});
    const ProveResult result = prover.run(*events, signals.token());
    if (output.json)
        print_json(options, result);
    else if (!output.quiet)
        print_text(options, result);
    return 0;
}

} // namespace kanshiki
