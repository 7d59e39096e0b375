#include "analyze/commands/browse_session.h"

#include "acquire/commands/options.h"
#include "analyze/commands/volume_options.h"
#include "analyze/filesystem/cached_source.h"
#include "kanshiki/error.h"
#include "kanshiki/escape.h"

#include <CLI/CLI.hpp>
#include <cstring>
#include <iostream>
#include <thread>

namespace kanshiki {
namespace {
constexpr size_t most_remembered = 10'000; // notices, to tell each once
}

void add_volume_option(CLI::App& app, BrowseOptions& options) {
    app.add_option("--volume", options.volume, "number or name, as kanshiki info lists them; paths then begin in it")
        ->type_name("N|NAME");
    add_volume_options(app, options.volumes);
    add_source_options(app, options.open);
}

void add_file_choice(CLI::App& app, FileChoice& choice, BrowseOptions& options) {
    app.add_option("IMAGE[:PATH]", choice.target,
                   "image, block device, file, or ssh://[user@]host[:port]/dev/..., and a path in it")
        ->required();
    app.add_option("--inode", choice.inode, "instead of a path: the inode of that number, in use or not")
        ->type_name("N");
    app.add_flag("--deleted", choice.deleted, "where no file has the path: one that was deleted");
    app.add_flag("-q,--quiet", options.quiet, "no notices; what cannot be read is said all the same");
    add_volume_option(app, options);
}

unsigned default_threads() { return std::max(1u, std::thread::hardware_concurrency()); }

BrowseSession::BrowseSession(const std::string& image, const BrowseOptions& options, JailRules rules, Events& events,
                             std::stop_token stop, const std::function<void()>& prepare)
    : events_(events) {
    if (image == "-") throw Error(ExitCode::usage, "standard input cannot be browsed: acquire it first");
    opened_ = open_image_or_source(image, options.open, events, stop);
    prepare();
    rules.network = image.starts_with("ssh://");
    confine(rules);
    image_.emplace(shareable(*opened_, cache_), options.volumes, options.volume, stop);
    for (const std::string& each : image_->notices()) notice(each);
}

Place BrowseSession::find(const Target& target, const FileChoice& choice) {
    if (choice.inode && !target.path.empty()) throw Error(ExitCode::usage, "either a path or --inode, not both");
    if (!choice.inode && target.path.empty())
        throw Error(ExitCode::usage,
                    "which file? IMAGE:/path, or --inode; kanshiki ls " + target.image + " lists them");
    Place place = choice.inode ? image_->find_inode(*choice.inode) : image_->find(target.path, choice.deleted);
    take_notes(*place.volume, place.file.path);
    return place;
}

void BrowseSession::missed(const NotCovered& what) {
    status_ = ExitCode::unreadable;
    std::string path = what.path;
    for (const BrowsedVolume& volume : image_->volumes())
        if (volume.volume.number == what.volume && !path.empty()) path = volume.shown(path);
    std::cerr << "kanshiki: " << escape_terminal(path + (path.empty() ? "" : ": ") + what.where + ": " + what.why)
              << "\n";
}

void BrowseSession::notice(const std::string& what) {
    if (told_.size() < most_remembered && !told_.insert(what).second) return;
    events_.report({"notice", what});
}

void BrowseSession::take_notes(BrowsedVolume& volume, const std::string& path) {
    for (const Bad& bad : volume.files->take_unreadable())
        missed({volume.volume.number, path, volume.files->place(bad.range),
                std::string("unreadable (") + std::strerror(bad.error) + "): read as zeros"});
    for (const std::string& each : volume.files->take_warnings()) notice(each);
}

} // namespace kanshiki
