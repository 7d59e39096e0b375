#include "acquire/commands/options.h"
#include "analyze/browse/content.h"
#include "analyze/browse/entry_printer.h"
#include "analyze/browse/list_tree.h"
#include "analyze/browse/output_stream.h"
#include "analyze/commands/browse_session.h"
#include "kanshiki/command.h"
#include "kanshiki/error.h"

#include <CLI/CLI.hpp>
#include <unistd.h>

namespace kanshiki {
namespace {

constexpr const char* examples = R"(Examples:
  kanshiki ls disk.img.zst                      the root of every volume: /p1/etc, /p2/home ...
  kanshiki ls -l disk.img.zst:/p1/var/log       one directory, with modes, owners, sizes and times (UTC)
  kanshiki ls -R --deleted disk.img --volume 1  the whole tree, deleted names too
  kanshiki ls -R --json --hash --xattrs disk.img:/etc | jq -r .path

On a source with partitions every path begins with its volume's name, /p1; with --volume it does not. --json prints one
object a line, as triage's listing.jsonl has them; `path` is then always that inside of `volume`.
Names are escaped (\xNN) where they could steer a terminal. What cannot be read is said on standard error.
Exit: 0 done, 2 no such path, wrong options, 3 source lost, 4 done, but parts could not be read, 5 the output cannot be
written, 6 refused, 11 no file system that is known.)";

struct ListOptions {
    BrowseOptions browse;
    EntryStyle style;
    Target target;
    bool recursive = false, deleted = false;
    unsigned threads = default_threads();
};

void list_place(BrowseSession& session, const Place& place, const ListOptions& options, OutputStream& out,
                const std::stop_token& stop) {
    BrowsedVolume& volume = *place.volume;
    const auto missed = [&](const NotCovered& each) { session.missed(each); };
    const auto warning = [&](const std::string& each) { session.notice(each); };
    EntryPrinter printer(
        session.image().source(), volume, options.style, options.threads,
        [&](std::string_view text) { out.write(text); }, {missed, warning}, stop);
    const auto add = [&](const ListedFile& file) { printer.add(file); };
    const bool folder = place.file.info.type == FileType::directory && has_own_content(place.file);
    if (folder)
        list_tree(session.image().source(), volume, place.file,
                  {options.recursive, options.deleted, options.threads, add, missed, warning}, stop);
    else
        add(place.file);
    printer.finish();
    session.take_notes(volume, place.file.path);
}

int list(const ListOptions& options, Events& events, const std::stop_token& stop) {
    OutputStream out(STDOUT_FILENO);
    BrowseSession session(options.target.image, options.browse, {}, events, stop);
    Image& image = session.image();
    if (!options.target.path.empty()) {
        list_place(session, image.find(options.target.path, options.deleted), options, out, stop);
    } else {
        for (const NotCovered& each : image.not_covered()) session.notice(each.where + ": " + each.why);
        for (BrowsedVolume& volume : image.volumes())
            list_place(session, {&volume, Image::root_of(volume)}, options, out, stop);
    }
    out.flush();
    return session.status();
}

} // namespace

int run_ls(const std::vector<std::string>& arguments) {
    ListOptions options;
    std::string target;
    EntryStyle& style = options.style;
    CLI::App app("List the files of an image, without mounting it.", "ls");
    app.footer(examples);
    app.add_option("IMAGE[:PATH]", target,
                   "image, block device, file, or ssh://[user@]host[:port]/dev/...; a path in it")
        ->required();
    app.add_flag("-l,--long", style.details, "mode, links, owner, group, size, time of modification (UTC), target");
    app.add_flag("-R,--recursive", options.recursive, "everything below, the directory itself first");
    app.add_flag("--inode", style.inode, "the inode's number before each name");
    app.add_flag("--deleted", options.deleted, "deleted names too; with -R also inodes that no directory names");
    app.add_flag("--json", style.json, "one JSON object a line, with all that the inode says");
    app.add_flag("--hash", style.hash, "SHA-256 of each regular file's content (with --json)");
    app.add_flag("--xattrs", style.xattrs, "extended attributes, values in hexadecimal (with --json)");
    app.add_option("--threads", options.threads,
                   "that read, format and hash (default: one per core); same output for any number")
        ->check(CLI::Range(1u, 1024u))
        ->type_name("N");
    app.add_flag("-q,--quiet", options.browse.quiet, "no notices; what cannot be read is said all the same");
    add_volume_option(app, options.browse);
    if (!parse_arguments(app, arguments)) return 0;
    if ((style.hash || style.xattrs) && !style.json) throw Error(ExitCode::usage, "--hash and --xattrs need --json");

    options.target = split_target(target);
    style.full_path = options.recursive || options.target.path.empty();
    if (const auto status = run_in_child(options.target.image)) return *status;
    const StopOnSignal signals;
    const auto events = open_console(ProgressStyle::none, options.browse.quiet);
    return list(options, *events, signals.token());
}

} // namespace kanshiki
