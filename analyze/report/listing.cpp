// listing.jsonl: every name met, deleted ones too, with all that its inode says.

#include "analyze/report/file_mode.h"
#include "analyze/report/json_line.h"
#include "analyze/timeline/civil_time.h"
#include "kanshiki/digest.h"
#include "kanshiki/triage.h"

#include <ostream>

namespace kanshiki {
namespace {

void add_time(JsonLine& line, std::string_view key, const std::optional<Timestamp>& time) {
    if (time) line.text(key, iso8601(*time, 9));
}

// The text with escapes, and the bytes themselves when they are no UTF-8.
void add_bytes(JsonLine& line, const std::string& key, const std::string& bytes) {
    line.text(key, bytes);
    if (!is_utf8(bytes)) line.text(key + "_hex", to_hex(std::as_bytes(std::span(bytes))));
}

} // namespace

void write_listing(const TriageResult& result, std::ostream& out) {
    for (const ListedFile& file : result.listing) {
        const FileInfo& info = file.info;
        JsonLine line;
        line.number("volume", file.volume);
        add_bytes(line, "path", file.path);
        line.number("inode", info.inode)
            .text("type", type_name(info.type == FileType::unknown ? file.name_type : info.type));
        char mode[8];
        snprintf(mode, sizeof mode, "%04o", info.mode & 07777u);
        line.text("mode", mode).number("uid", info.uid).number("gid", info.gid).number("links", info.links);
        line.number("size", info.size);
        add_time(line, "modified", info.modified);
        add_time(line, "accessed", info.accessed);
        add_time(line, "changed", info.changed);
        add_time(line, "created", info.created);
        add_time(line, "deleted_at", info.deleted);
        if (!info.symlink_target.empty()) add_bytes(line, "target", info.symlink_target);
        line.flag("deleted", file.deleted).flag("allocated", info.allocated).flag("orphan", file.orphan);
        const std::string text = line.finish();
        out.write(text.data(), static_cast<std::streamsize>(text.size()));
    }
}

// coverage.jsonl: what was not read, and why; an empty file means that all was.
void write_coverage(const TriageResult& result, std::ostream& out) {
    for (const NotCovered& each : result.not_covered) {
        JsonLine line;
        line.number("volume", each.volume).text("path", each.path).text("where", each.where).text("why", each.why);
        out << line.finish();
    }
}

} // namespace kanshiki
