#include "analyze/report/entry_line.h"

#include "analyze/report/file_mode.h"
#include "analyze/timeline/civil_time.h"
#include "kanshiki/digest.h"

#include <cstdio>

namespace kanshiki {
namespace {

void add_time(JsonLine& line, std::string_view key, const std::optional<Timestamp>& time) {
    if (time) line.text(key, iso8601(*time, 9));
}

std::string hex_of(const std::string& bytes) { return to_hex(std::as_bytes(std::span(bytes))); }

void add_flags(JsonLine& line, const FileInfo& info) {
    char flags[24];
    std::snprintf(flags, sizeof flags, "0x%llx", static_cast<unsigned long long>(info.flags));
    line.text("flags", flags);
    std::string names;
    for (const std::string_view name : attribute_names(info.attributes))
        names.append(names.empty() ? "\"" : ",\"").append(name).append("\"");
    line.raw("attributes", "[" + names + "]");
}

} // namespace

void add_bytes(JsonLine& line, std::string_view key, const std::string& bytes) {
    line.text(key, bytes);
    if (!is_utf8(bytes)) line.text(std::string(key) + "_hex", hex_of(bytes));
}

void add_xattrs(JsonLine& line, const std::vector<Xattr>& xattrs) {
    std::string members;
    for (const Xattr& each : xattrs)
        members.append(members.empty() ? "\"" : ",\"")
            .append(escape_json(each.name))
            .append("\":\"")
            .append(hex_of(each.value))
            .append("\"");
    line.raw("xattrs", "{" + members + "}");
}

void add_entry(JsonLine& line, const ListedFile& file) {
    const FileInfo& info = file.info;
    line.number("volume", file.volume);
    add_bytes(line, "path", file.path);
    line.number("inode", info.inode)
        .text("type", type_name(info.type == FileType::unknown ? file.name_type : info.type));
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", info.mode & 07777u);
    line.text("mode", mode).number("uid", info.uid).number("gid", info.gid).number("links", info.links);
    line.number("size", info.size);
    if (info.type == FileType::character || info.type == FileType::block)
        line.text("device", std::to_string(info.major) + ":" + std::to_string(info.minor));
    add_time(line, "modified", info.modified);
    add_time(line, "accessed", info.accessed);
    add_time(line, "changed", info.changed);
    add_time(line, "created", info.created);
    add_time(line, "deleted_at", info.deleted);
    if (!info.symlink_target.empty()) add_bytes(line, "target", info.symlink_target);
    add_flags(line, info);
    line.flag("deleted", file.deleted).flag("allocated", info.allocated).flag("orphan", file.orphan);
    if (!file.known) line.flag("known", false); // the inode could not be read: all that it would say is missing
    if (file.deleted) line.text("certainty", certainty_name(file.certainty));
}

std::vector<std::string_view> attribute_names(uint32_t attributes) {
    static constexpr struct {
        uint32_t bit;
        std::string_view name;
    } table[] = {{attribute_compressed, "compressed"}, {attribute_immutable, "immutable"},
                 {attribute_append, "append"},         {attribute_nodump, "nodump"},
                 {attribute_encrypted, "encrypted"},   {attribute_verity, "verity"}};
    std::vector<std::string_view> names;
    for (const auto& [bit, name] : table)
        if (attributes & bit) names.push_back(name);
    return names;
}

std::string_view certainty_name(Certainty certainty) {
    static constexpr std::string_view names[] = {"certain", "likely", "possible"};
    return names[static_cast<size_t>(certainty)];
}

} // namespace kanshiki
