#include "acquire/block/file_descriptor.h"
#include "acquire/commands/options.h"
#include "analyze/browse/list_tree.h"
#include "analyze/browse/output_stream.h"
#include "analyze/commands/browse_session.h"
#include "analyze/report/bodyfile.h"
#include "analyze/timeline/l2tcsv.h"
#include "analyze/timeline/parse_time.h"
#include "kanshiki/command.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <cerrno>
#include <CLI/CLI.hpp>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kanshiki {
namespace {

constexpr const char* examples = R"(Examples:
  kanshiki timeline disk.img.zst -o bodyfile && mactime -b bodyfile -d -z UTC > timeline.csv
  kanshiki timeline disk.img --format l2tcsv --from 2026-11-20 --to 2026-11-22T06:00Z -o timeline.csv
  kanshiki timeline disk.img --format timesketch --path /var/www -o www.jsonl

When every file, deleted ones too, was changed, read, made; no content is looked at (kanshiki triage reads the logs as well).
bodyfile is in the tree's order; l2tcsv and timesketch are sorted by time. --from and --to are UTC unless a zone is said, and of a
date alone mean the whole day.
Exit: 0 done, 2 wrong options or FILE exists, 3 source lost, 4 done, but parts could not be read, 5 the output cannot be
written, 6 refused, 11 no file system that is known.)";

struct TimelineOptions {
    BrowseOptions browse;
    std::string image, format = "bodyfile", path, from_text, to_text, output;
    std::optional<Timestamp> from, to;
    bool force = false;

    bool holds(const Timestamp& time) const { return (!from || time >= *from) && (!to || time <= *to); }
    bool unbounded() const { return !from && !to; }
};

// Standard output, or a file that has its name when it is complete.
class Output {
public:
    Output(const std::string& name, bool force) : name_(name), partial_(name + ".partial") {
        if (name.empty()) return;
        std::error_code ignored;
        if (!force && std::filesystem::exists(std::filesystem::symlink_status(name, ignored)))
            throw Error(ExitCode::usage, name + " is there; --force replaces it");
        const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
        file_ = FileDescriptor(::open(partial_.c_str(), flags, 0600));
        if (!file_) fail("cannot be made");
    }
    int descriptor() const { return name_.empty() ? STDOUT_FILENO : file_.get(); }
    std::string shown() const { return name_.empty() ? "standard output" : partial_; }
    void commit() {
        if (name_.empty()) return;
        if (::fchmod(file_.get(), 0400) != 0 || ::fsync(file_.get()) != 0 || ::close(file_.release()) != 0)
            fail("cannot be flushed");
        if (::rename(partial_.c_str(), name_.c_str()) != 0) fail("cannot be named");
    }

private:
    [[noreturn]] void fail(const char* what) const {
        throw Error(ExitCode::destination, partial_ + ": " + what + ": " + std::strerror(errno));
    }
    const std::string name_, partial_;
    FileDescriptor file_;
};

bool any_in_range(const FileInfo& info, const TimelineOptions& options) {
    for (const auto* time : {&info.modified, &info.accessed, &info.changed, &info.created, &info.deleted})
        if (*time && options.holds(**time)) return true;
    return false;
}

class TimelineWriter {
public:
    TimelineWriter(BrowseSession& session, const TimelineOptions& options, OutputStream& out, Events& events,
                   std::stop_token stop)
        : session_(session), options_(options), out_(out), events_(events), stop_(std::move(stop)) {}

    void run() {
        const bool streamed = options_.format == "bodyfile";
        for (const Place& place : places()) {
            const std::string prefix = place.volume->name.empty() ? "" : "/" + place.volume->name;
            prefixes_[place.file.volume] = {prefix, place.volume->files->info().type};
            const auto add = [&](const ListedFile& file) { streamed ? body(file, prefix) : keep(file); };
            const auto missed = [&](const NotCovered& each) { session_.missed(each); };
            const auto progress = [&](uint64_t names) {
                events_.progress({"list files", names, std::nullopt, 0, 0, "files"});
            };
            const auto warning = [&](const std::string& each) { session_.notice(each); };
            list_tree(session_.image().source(), *place.volume, place.file,
                      {true, true, default_threads(), add, missed, warning, progress}, stop_);
            session_.take_notes(*place.volume, place.file.path);
        }
        if (!streamed) write_sorted();
        out_.write(std::exchange(text_, ""));
    }

private:
    struct Shown {
        std::string prefix, file_system;
    };

    // The roots, or what the path names in each volume, living and deleted.
    std::vector<Place> places() {
        Image& image = session_.image();
        for (const NotCovered& each : image.not_covered()) session_.notice(each.where + ": " + each.why);
        if (!options_.path.empty()) return image.find_all(options_.path, true);
        std::vector<Place> roots;
        for (BrowsedVolume& volume : image.volumes()) roots.push_back({&volume, Image::root_of(volume)});
        return roots;
    }

    void body(const ListedFile& file, const std::string& prefix) {
        if (!options_.unbounded() && !any_in_range(file.info, options_)) return;
        append_bodyfile_line(text_, prefix, file);
        if (text_.size() < 64 * 1024) return;
        out_.write(text_);
        text_.clear();
    }

    void keep(const ListedFile& file) {
        if (!options_.unbounded() && !any_in_range(file.info, options_)) return;
        add_file_times(file.info, static_cast<uint32_t>(listing_.size()), entries_);
        listing_.push_back(file);
    }

    void write_sorted() {
        std::erase_if(entries_, [&](const TimelineEntry& each) { return !options_.holds(each.time); });
        std::ranges::stable_sort(entries_, {}, &TimelineEntry::time);
        const bool csv = options_.format == "l2tcsv";
        if (csv) out_.write(l2tcsv_header());
        for (const TimelineEntry& each : entries_) {
            const ListedFile file = listing_[each.index];
            const Shown& shown = prefixes_[file.volume];
            out_.write(csv ? l2tcsv_line(file, each, shown.prefix, shown.file_system) : timesketch_line(file, each));
        }
    }

    BrowseSession& session_;
    const TimelineOptions& options_;
    OutputStream& out_;
    Events& events_;
    std::stop_token stop_;
    std::string text_;
    Listing listing_;
    std::vector<TimelineEntry> entries_;
    std::map<unsigned, Shown> prefixes_;
};

std::optional<Timestamp> bound(const std::string& text, const char* option, bool end) {
    if (text.empty()) return {};
    const auto time = parse_time(text, end);
    if (!time)
        throw Error(ExitCode::usage, std::string(option) + ": '" + text + "' is no time such as 2026-11-26T12:30Z");
    return time;
}

} // namespace

int run_timeline(const std::vector<std::string>& arguments) {
    TimelineOptions options;
    OutputOptions output;
    CLI::App app("When the files of an image were changed, read, made and deleted.", "timeline");
    app.footer(examples);
    app.add_option("IMAGE", options.image, "image, block device, file, or ssh://[user@]host[:port]/dev/...")
        ->required();
    app.add_option("--format", options.format, "bodyfile l2tcsv timesketch")
        ->check(CLI::IsMember({"bodyfile", "l2tcsv", "timesketch"}))
        ->type_name("FORMAT")
        ->capture_default_str();
    app.add_option("--from", options.from_text,
                   "nothing before this time; of a bodyfile: no file without a time in the range")
        ->type_name("TIME");
    app.add_option("--to", options.to_text, "nothing after this time")->type_name("TIME");
    app.add_option("--path", options.path, "this file or directory, and what is below it")->type_name("PATH");
    app.add_option("-o,--output", options.output, "instead of standard output")->type_name("FILE");
    app.add_flag("--force", options.force, "replace an existing FILE");
    app.add_option("--progress", output.progress, "auto bar line json none")
        ->check(CLI::IsMember({"auto", "bar", "line", "json", "none"}))
        ->type_name("STYLE")
        ->capture_default_str();
    app.add_flag("-q,--quiet", output.quiet, "no progress, no notices; what cannot be read is said all the same");
    add_volume_option(app, options.browse);
    if (!parse_arguments(app, arguments)) return 0;
    options.browse.quiet = output.quiet;
    options.from = bound(options.from_text, "--from", false);
    options.to = bound(options.to_text, "--to", true);
    if (!options.path.empty() && !options.path.starts_with('/')) throw Error(ExitCode::usage, "--path begins with '/'");

    if (const auto status = run_in_child(options.image)) return *status;
    const StopOnSignal signals;
    const auto events = open_console(output.style(), output.quiet);
    std::optional<Output> file;
    const auto prepare = [&] { file.emplace(options.output, options.force); };
    const auto parent = std::filesystem::path(options.output).parent_path();
    const std::filesystem::path writable = options.output.empty() ? "" : parent.empty() ? "." : parent;
    BrowseSession session(options.image, options.browse, {writable}, *events, signals.token(), prepare);
    OutputStream out(file->descriptor(), file->shown());
    TimelineWriter(session, options, out, *events, signals.token()).run();
    out.flush();
    file->commit();
    return session.status();
}

} // namespace kanshiki
