#include "acquire/commands/options.h"
#include "analyze/browse/content.h"
#include "analyze/browse/output_stream.h"
#include "analyze/commands/browse_session.h"
#include "analyze/commands/describe.h"
#include "analyze/report/entry_line.h"
#include "analyze/report/file_mode.h"
#include "analyze/timeline/civil_time.h"
#include "kanshiki/command.h"
#include "kanshiki/digest.h"
#include "kanshiki/error.h"
#include "kanshiki/escape.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

namespace kanshiki {
namespace {

constexpr const char* examples = R"(Examples:
  kanshiki stat disk.img.zst:/p1/etc/passwd
  kanshiki stat disk.img --volume 1 --inode 131074      an inode, whatever its name was
  kanshiki stat --deleted --json disk.img:/tmp/.x/miner | jq .extents

All that the file system says of one file: times to the nanosecond, flags, extended attributes, and where in the image its
content lies.
Exit: 0 done, 2 no such file, wrong options, 3 source lost, 4 done, but parts could not be read, 6 refused, 11 no file
system that is known.)";

struct Part {
    Range of_file;
    bool sparse = false, compressed = false; // compressed: what lies in the image is another form of it
    std::vector<Range> of_image;             // empty: the image does not have it
};

struct Facts {
    const BrowsedVolume& volume;
    const ListedFile& file;
    std::vector<Xattr> xattrs;
    std::vector<Part> parts;
};

void guarded(BrowseSession& session, const Place& place, const char* where, const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        if (error.code() != ExitCode::never_valid) throw;
        session.missed({place.file.volume, place.file.path, where, error.what()});
    }
    session.take_notes(*place.volume, place.file.path);
}

Facts gather(BrowseSession& session, const Place& place) {
    Facts facts{*place.volume, place.file, {}, {}};
    if (!has_own_content(place.file)) return facts;
    FileSystem& files = *place.volume->files;
    guarded(session, place, "extended attributes",
            [&] { files.xattrs(place.file.handle, [&](const Xattr& each) { facts.xattrs.push_back(each); }); });
    guarded(session, place, "extents", [&] {
        for (const FileSystem::FileExtent& each : files.extents(place.file.handle)) {
            Part part{{each.logical, each.length()}, each.sparse, each.encoded != 0, {}};
            if (!each.sparse)
                for (const VolumeContent::Part& at : locate(place.volume->volume, each.range))
                    part.of_image.push_back(at.range);
            facts.parts.push_back(std::move(part));
        }
    });
    return facts;
}

std::string json_of(const Facts& facts) {
    JsonLine line;
    add_entry(line, facts.file);
    line.text("file_system", facts.volume.files->info().type);
    add_xattrs(line, facts.xattrs);
    std::string parts;
    for (const Part& part : facts.parts) {
        JsonLine each;
        each.number("offset", part.of_file.offset).number("size", part.of_file.size).flag("sparse", part.sparse);
        each.flag("compressed", part.compressed);
        std::string ranges;
        for (const Range& range : part.of_image)
            ranges +=
                fmt::format("{}{{\"offset\":{},\"size\":{}}}", ranges.empty() ? "" : ",", range.offset, range.size);
        std::string text = each.raw("image", "[" + ranges + "]").finish();
        text.pop_back();
        parts += (parts.empty() ? "" : ",") + text;
    }
    return line.raw("extents", "[" + parts + "]").finish();
}

std::string flags_text(const FileInfo& info) {
    std::string names;
    for (const std::string_view name : attribute_names(info.attributes))
        names.append(names.empty() ? "" : ", ").append(name);
    return fmt::format("{:#x}{}", info.flags, names.empty() ? "" : " (" + names + ")");
}

std::string state_text(const ListedFile& file) {
    if (!file.deleted) return file.info.allocated ? "in use" : "NOT allocated, though a directory names it";
    if (file.handle == 0) return "deleted name that points nowhere";
    if (file.info.allocated) return "deleted name; its inode is used again, so all of this is another file's";
    return fmt::format("deleted; that this is what the inode held is {}", certainty_name(file.certainty));
}

std::string text_of(const Facts& facts) {
    const FileInfo& info = facts.file.info;
    std::string text;
    const auto row = [&](std::string_view label, const std::string& value) {
        text += fmt::format("{:<11}{}\n", label, escape_terminal(value));
    };
    const FileSystemInfo& system = facts.volume.files->info();
    row("path", facts.volume.shown(facts.file.path));
    row("volume", fmt::format("{}, {}{} at byte {}", facts.file.volume, system.type,
                              system.label.empty() ? "" : " \"" + system.label + "\"", system.range.offset));
    row("inode", std::to_string(info.inode));
    row("type", std::string(type_name(info.type == FileType::unknown ? facts.file.name_type : info.type)));
    if (!info.symlink_target.empty()) row("target", info.symlink_target);
    row("mode", fmt::format("{:04o} ({})", info.mode & 07777u, mode_string(info.mode)));
    row("owner", fmt::format("uid {}, gid {}", info.uid, info.gid));
    row("links", std::to_string(info.links));
    if (info.type == FileType::character || info.type == FileType::block)
        row("device", fmt::format("{}:{}", info.major, info.minor));
    else
        row("size", fmt::format("{} bytes", info.size));
    const std::pair<const char*, const std::optional<Timestamp>*> times[] = {{"modified", &info.modified},
                                                                             {"accessed", &info.accessed},
                                                                             {"changed", &info.changed},
                                                                             {"created", &info.created},
                                                                             {"deleted at", &info.deleted}};
    for (const auto& [label, time] : times)
        if (*time) row(label, iso8601(**time, 9));
    row("flags", flags_text(info));
    row("state", state_text(facts.file));
    for (const Xattr& each : facts.xattrs)
        row("xattr", each.name + " = \"" + each.value + "\" (" + to_hex(std::as_bytes(std::span(each.value))) + ")");
    for (const Part& part : facts.parts) {
        std::string where = part.sparse ? "a hole: zeros" : part.of_image.empty() ? "not in the image" : "";
        for (const Range& range : part.of_image)
            where += fmt::format("{}image bytes {} to {}", where.empty() ? "" : ", ", range.offset, range.end() - 1);
        row("extent", fmt::format("{} to {}: {}{}", part.of_file.offset, part.of_file.end() - 1, where,
                                  part.compressed ? ", compressed" : ""));
    }
    return text;
}

} // namespace

int run_stat(const std::vector<std::string>& arguments) {
    BrowseOptions browse;
    FileChoice choice;
    bool json = false;
    CLI::App app("Everything the file system says of one file of an image.", "stat");
    app.footer(examples);
    add_file_choice(app, choice, browse);
    app.add_flag("--json", json, "one JSON object, times to the nanosecond, all extents");
    if (!parse_arguments(app, arguments)) return 0;

    const Target target = split_target(choice.target);
    if (const auto status = run_in_child(target.image)) return *status;
    const StopOnSignal signals;
    const auto events = open_console(ProgressStyle::none, browse.quiet);
    OutputStream out(STDOUT_FILENO);
    BrowseSession session(target.image, browse, {}, *events, signals.token());
    const Place place = session.find(target, choice);
    const Facts facts = gather(session, place);
    out.write(json ? json_of(facts) : text_of(facts));
    out.flush();
    return session.status();
}

} // namespace kanshiki
