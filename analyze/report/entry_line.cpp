#include "analyze/report/entry_line.h"

#include "analyze/report/file_mode.h"
#include "analyze/timeline/civil_time.h"
#include "kanshiki/digest.h"

#include <charconv>

namespace kanshiki {
namespace {

// Times as text: those of one inode are often the same.
class Times {
public:
    void add(JsonLine& line, std::string_view key, const std::optional<Timestamp>& time) {
        if (!time) return;
        if (size_ == 0 || *time != last_) size_ = static_cast<size_t>(put_iso8601(text_, last_ = *time, 9) - text_);
        line.plain(key, {text_, size_});
    }

private:
    Timestamp last_;
    char text_[iso8601_room];
    size_t size_ = 0;
};

std::string hex_of(const std::string& bytes) { return to_hex(std::as_bytes(std::span(bytes))); }

void add_flags(JsonLine& line, const FileInfo& info) {
    char flags[2 + 16] = {'0', 'x'};
    line.plain("flags", {flags, std::to_chars(flags + 2, std::end(flags), info.flags, 16).ptr});
    if (info.attributes == 0) {
        line.raw("attributes", "[]");
        return;
    }
    std::string names;
    for (const std::string_view name : attribute_names(info.attributes))
        names.append(names.empty() ? "\"" : ",\"").append(name).append("\"");
    line.raw("attributes", "[" + names + "]");
}

// Four octal digits.
void add_mode(JsonLine& line, uint32_t mode) {
    char text[4];
    for (unsigned place = 0; place < 4; place++) text[place] = static_cast<char>('0' + (mode >> (9 - 3 * place) & 7));
    line.plain("mode", {text, sizeof text});
}

} // namespace

void add_bytes(JsonLine& line, std::string_view key, const std::string& bytes) {
    if (is_plain(bytes)) {
        line.plain(key, bytes);
        return;
    }
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
        .plain("type", type_name(info.type == FileType::unknown ? file.name_type : info.type));
    add_mode(line, info.mode);
    line.number("uid", info.uid).number("gid", info.gid).number("links", info.links);
    line.number("size", info.size);
    if (info.type == FileType::character || info.type == FileType::block)
        line.text("device", std::to_string(info.major) + ":" + std::to_string(info.minor));
    Times times;
    times.add(line, "modified", info.modified);
    times.add(line, "accessed", info.accessed);
    times.add(line, "changed", info.changed);
    times.add(line, "created", info.created);
    times.add(line, "deleted_at", info.deleted);
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
