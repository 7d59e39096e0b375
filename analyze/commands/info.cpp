#include "acquire/commands/options.h"
#include "analyze/commands/describe.h"
#include "analyze/commands/volume_options.h"
#include "analyze/filesystem/cached_source.h"
#include "analyze/jail/jail.h"
#include "kanshiki/command.h"
#include "kanshiki/error.h"
#include "kanshiki/escape.h"
#include "kanshiki/manifest.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <iostream>

namespace kanshiki {
namespace {

constexpr const char* examples = R"(Examples:
  kanshiki info disk.img.zst                  what is in it, and what its manifest says of where it came from
  kanshiki info /dev/nvme1n1
  kanshiki info ssh://user@host/dev/nvme1n1 --sudo --json

Nothing is checked here and the manifest is repeated as it stands: kanshiki verify IMAGE does that.
Exit: 0 done, 2 wrong options, 3 source lost, 6 refused, 11 not an image or a manifest that makes no sense.)";

constexpr uint64_t largest_manifest = 64 * 1024 * 1024;

struct Seen {
    SourceInfo source;
    VolumeTable table;
    std::vector<std::optional<FileSystemInfo>> file_systems; // one per volume
    std::vector<std::string> contents;                       // what else is there
    std::optional<Manifest> manifest;
};

Seen look(const std::string& spec, const OpenOptions& options, const VolumeOptions& keys, Events& events,
          std::stop_token stop) {
    const auto opened = open_image_or_source(spec, options, events);
    const bool remote = spec.starts_with("ssh://");
    const auto path = Companions::of(spec).manifest;
    std::error_code ignored;
    std::optional<std::string> manifest;
    if (!remote && std::filesystem::is_regular_file(path, ignored))
        manifest = read_file(path, largest_manifest, ExitCode::never_valid);
    confine({{}, remote});

    Seen seen;
    seen.source = opened->info();
    if (manifest) seen.manifest = parse_manifest(*manifest, path.string());
    if (seen.source.size) {
        std::unique_ptr<BlockSource> cache;
        BlockSource& source = shareable(*opened, cache);
        seen.table = read_volumes(source, keys, stop);
        for (const Volume& volume : seen.table.volumes) {
            const auto files = volume.allocated ? open_volume(source, volume, stop) : nullptr;
            seen.file_systems.push_back(files ? std::optional(files->info()) : std::nullopt);
            seen.contents.push_back(
                files || !volume.allocated
                    ? ""
                    : (volume.holds.empty() ? recognise_content(volume.in(source), volume.range, stop) : volume.holds));
        }
    }
    return seen;
}

// The manifest's custody part as label and value: one list for both outputs.
std::vector<std::pair<std::string, std::string>> custody(const Manifest& m) {
    std::vector<std::pair<std::string, std::string>> rows{
        {"case", m.case_info.case_id},
        {"evidence", m.case_info.evidence_id},
        {"examiner", m.case_info.examiner},
        {"authority", m.case_info.authority},
        {"note", m.case_info.note},
        {"acquired from", m.source_uri},
        {"started", m.started},
        {"ended", m.ended},
        {"by host", m.host.name},
        {"tool", "kanshiki " + m.tool.version},
        {"consistency", m.live ? "live (not point in time)" : "point in time"},
        {"root", to_hex(m.root)}};
    for (const auto& [name, hex] : m.digests) rows.emplace_back(name, hex);
    for (const auto& [name, value] : m.source_identity) rows.emplace_back("source " + name, value);
    if (m.unreadable_bytes) rows.emplace_back("unreadable", std::to_string(m.unreadable_bytes) + " bytes");
    std::erase_if(rows, [](const auto& row) { return row.second.empty(); });
    return rows;
}

void print_json(const Seen& seen) {
    using Json = nlohmann::ordered_json;
    Json volumes = Json::array(), identity = Json::object(), notices = Json::array();
    for (size_t index = 0; index < seen.table.volumes.size(); index++) {
        Json volume = describe(seen.table.volumes[index]);
        volume["file_system"] = seen.file_systems[index] ? describe(*seen.file_systems[index]) : Json(nullptr);
        volume["content"] = seen.contents[index];
        volumes.push_back(std::move(volume));
    }
    for (const auto& [name, value] : seen.source.identity) identity[to_utf8_lossless(name)] = to_utf8_lossless(value);
    for (const std::string& notice : seen.table.notices) notices.push_back(to_utf8_lossless(notice));
    Json out{{"source", to_utf8_lossless(seen.source.uri)},
             {"kind", seen.source.kind},
             {"size", nullptr},
             {"logical_sector", seen.source.logical_sector},
             {"physical_sector", seen.source.physical_sector},
             {"identity", identity},
             {"live", seen.source.live},
             {"scheme", seen.table.scheme},
             {"volumes", volumes},
             {"notices", notices},
             {"manifest", nullptr}};
    if (seen.source.size) out["size"] = *seen.source.size;
    if (seen.manifest) {
        Json rows = Json::object();
        for (const auto& [name, value] : custody(*seen.manifest))
            rows[to_utf8_lossless(name)] = to_utf8_lossless(value);
        out["manifest"] = rows;
    }
    std::cout << out.dump(2) << "\n";
}

void print_row(const std::string& label, const std::string& text) {
    std::cout << fmt::format("{:<15}{}\n", escape_terminal(label), escape_terminal(text));
}

void print_text(const Seen& seen) {
    print_row("source", seen.source.uri + " (" + seen.source.kind + ")");
    print_row("size", seen.source.size ? fmt::format("{} bytes ({})", *seen.source.size, human_size(*seen.source.size))
                                       : "not known: a stream");
    print_row("sectors",
              fmt::format("{} bytes logical, {} physical", seen.source.logical_sector, seen.source.physical_sector));
    for (const auto& [name, value] : seen.source.identity) print_row(name, value);
    if (seen.source.live) print_row("LIVE", "in use while it was read: " + seen.source.live_why);
    if (seen.source.size) print_row("partitions", seen.table.scheme);
    for (size_t index = 0; index < seen.table.volumes.size(); index++) {
        const Volume& volume = seen.table.volumes[index];
        const auto& files = seen.file_systems[index];
        std::string holds = !volume.allocated              ? ""
                            : seen.contents[index].empty() ? ": no file system that is known"
                                                           : ": " + seen.contents[index];
        if (files)
            holds = ": " + files->type + (files->label.empty() ? "" : " \"" + files->label + "\"") +
                    (files->uuid.empty() ? "" : " " + files->uuid);
        print_row(volume.allocated ? "  " + std::to_string(volume.number) : "  -",
                  (volume.content ? "" : fmt::format("at {}, ", volume.range.offset)) +
                      fmt::format("{} ({}){}", human_size(volume.range.size), volume.description, holds));
    }
    for (const std::string& notice : seen.table.notices) print_row("notice", notice);
    if (!seen.manifest) return;
    print_row("manifest", "says (not checked here):");
    for (const auto& [name, value] : custody(*seen.manifest)) print_row("  " + name, value);
}

} // namespace

int run_info(const std::vector<std::string>& arguments) {
    OpenOptions open;
    VolumeOptions keys;
    OutputOptions output;
    std::string spec;
    CLI::App app("Say what an image or a source is: size, sectors, partitions, file systems, custody.", "info");
    app.footer(examples);
    app.add_option("SOURCE", spec, "image, block device, file, or ssh://[user@]host[:port]/dev/...")->required();
    add_source_options(app, open);
    add_volume_options(app, keys);
    add_output_options(app, output);
    if (!parse_arguments(app, arguments)) return 0;

    if (const auto status = run_in_child(spec)) return *status;
    const StopOnSignal signals;
    const auto events = open_console(output.style(), output.quiet);
    const Seen seen = look(spec, open, keys, *events, signals.token());
    output.json ? print_json(seen) : print_text(seen);
    return 0;
}

} // namespace kanshiki
