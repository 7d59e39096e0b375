#include "analyze/extract/extract.h"

#include "acquire/commands/options.h"
#include "analyze/commands/browse_session.h"
#include "analyze/commands/describe.h"
#include "analyze/commands/output_folder.h"
#include "kanshiki/checksum_list.h"
#include "kanshiki/command.h"
#include "kanshiki/custody_log.h"
#include "kanshiki/error.h"
#include "kanshiki/escape.h"
#include "kanshiki/manifest.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <iostream>

namespace kanshiki {
namespace {

constexpr const char* examples = R"(Examples:
  kanshiki extract disk.img.zst:/p1/var/log -o logs                    one directory and all below
  kanshiki extract disk.img:/etc disk.img:/home --deleted -o out       deleted files too
  kanshiki extract ssh://user@host/dev/nvme1n1:/root --sudo -o root    without imaging it first
  cd logs && sha256sum -c files.sha256

DIR/files gets the contents, mode 0400, under safe names: bytes that are not printable UTF-8, '/', '\' and '%' are %XX; a
deleted file's name ends in %~deleted-INODE. Links, devices and sockets are not made: DIR/manifest.jsonl has them, and all
that the file system says of every file, under its own name (docs/formats/extraction.md).
Exit: 0 done, 2 no such path, wrong options or DIR not empty, 3 source lost, 4 done, but parts could not be read, 5 DIR cannot
be written, 6 refused, 11 no file system that is known.)";

struct Wanted {
    std::string image;
    std::vector<std::string> paths; // empty: everything
};

Wanted split(const std::vector<std::string>& targets) {
    Wanted wanted;
    bool everything = false;
    for (const std::string& each : targets) {
        Target target = split_target(each);
        if (!wanted.image.empty() && target.image != wanted.image)
            throw Error(ExitCode::usage, "one image at a time: " + wanted.image + " or " + target.image);
        wanted.image = target.image;
        everything |= target.path.empty();
        wanted.paths.push_back(std::move(target.path));
    }
    if (everything) wanted.paths.clear();
    return wanted;
}

std::vector<Place> places_of(BrowseSession& session, const Wanted& wanted, bool deleted) {
    Image& image = session.image();
    std::vector<Place> places;
    for (const std::string& path : wanted.paths) places.push_back(image.find(path, deleted));
    if (!wanted.paths.empty()) return places;
    for (const NotCovered& each : image.not_covered()) session.notice(each.where + ": " + each.why);
    for (BrowsedVolume& volume : image.volumes()) places.push_back({&volume, Image::root_of(volume)});
    return places;
}

void print(const ExtractResult& result, const std::filesystem::path& folder, int status, bool json) {
    if (json) {
        std::cout << nlohmann::ordered_json{{"folder", to_utf8_lossless(folder.string())},
                                            {"files", result.files},
                                            {"folders", result.folders},
                                            {"recorded", result.recorded},
                                            {"spoiled", result.spoiled},
                                            {"bytes", result.bytes},
                                            {"exit", status}}
                         .dump(2)
                  << "\n";
        return;
    }
    const auto row = [](const char* label, const std::string& text) {
        std::cout << fmt::format("{:<11}{}\n", label, escape_terminal(text));
    };
    row("extracted", fmt::format("{} files ({}), {} folders", result.files, human_size(result.bytes), result.folders));
    if (result.recorded)
        row("recorded", fmt::format("{} links, devices, sockets: in the manifest only", result.recorded));
    if (result.spoiled)
        row("NOT WHOLE", fmt::format("{} files: their status in the manifest says why", result.spoiled));
    row("folder", folder.string());
}

// In the custody log of evidence of ours. Where that cannot be written it is said; the files are there all the same.
void record_extraction(const Wanted& wanted, const std::filesystem::path& folder) {
    std::error_code ignored;
    if (wanted.image.starts_with("ssh://") ||
        !std::filesystem::is_regular_file(Companions::of(wanted.image).manifest, ignored))
        return;
    const auto why = try_record_act(
        wanted.image, "extract",
        {{"folder", folder.string()}, {"manifest_sha256", to_hex(sha256_of_file(folder / "manifest.jsonl"))}});
    if (why) std::cerr << "kanshiki: this extraction is not in the custody log: " << escape_terminal(*why) << "\n";
}

} // namespace

int run_extract(const std::vector<std::string>& arguments) {
    BrowseOptions browse;
    ExtractOptions options;
    OutputOptions output;
    std::vector<std::string> targets;
    std::string folder;
    options.threads = default_threads();
    CLI::App app("Files of an image, with a manifest of all that the file system says of them.", "extract");
    app.footer(examples);
    app.add_option("IMAGE[:PATH]", targets, "image or source, and a file or directory in it; several of one image")
        ->required();
    app.add_option("-o,--output", folder, "folder for the files; made, mode 0700")->required()->type_name("DIR");
    app.add_flag("--deleted", options.deleted, "deleted files too");
    app.add_flag("--force", options.force, "write into a folder that is not empty, over an earlier extraction");
    app.add_option("--threads", options.threads,
                   "that read and hash (default: one per core); same output for any number")
        ->check(CLI::Range(1u, 256u))
        ->type_name("N");
    add_volume_option(app, browse);
    add_output_options(app, output);
    if (!parse_arguments(app, arguments)) return 0;
    browse.quiet = output.quiet;
    options.folder = folder;
    const Wanted wanted = split(targets);

    if (const auto status = run_in_child(wanted.image)) {
        if (*status == 0 || *status == static_cast<int>(ExitCode::unreadable))
            record_extraction(wanted, options.folder);
        return *status;
    }
    const StopOnSignal signals;
    const auto events = open_console(output.style(), output.quiet);
    const auto prepare = [&] {
        prepare_folder(options.folder, options.force, "--force writes over an earlier extraction in it");
    };
    BrowseSession session(wanted.image, browse, {options.folder, false, true}, *events, signals.token(), prepare);
    const ExtractResult result = extract(
        session.image(), places_of(session, wanted, options.deleted), options,
        [&](const NotCovered& each) { session.missed(each); }, [&](const std::string& each) { session.notice(each); },
        *events, signals.token());
    print(result, options.folder, session.status(), output.json);
    return session.status();
}

} // namespace kanshiki
