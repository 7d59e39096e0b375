#include "analyze/format/passwd.h"

namespace kanshiki::format {

std::optional<uint32_t> account_number(std::string_view field) {
    while (!field.empty() && is_blank(field.front())) field.remove_prefix(1);
    bool negative = false;
    if (!field.empty() && (field.front() == '+' || field.front() == '-')) {
        negative = field.front() == '-';
        field.remove_prefix(1);
    }
    const auto value = decimal(field);
    if (!value || *value > UINT32_MAX || (negative && *value != 0)) return std::nullopt;
    return static_cast<uint32_t>(*value);
}

Parsed<PasswdEntry> parse_passwd(std::string_view text) {
    Parsed<PasswdEntry> result;
    for_each_line(text, [&](const Line& line) {
        std::string_view rest = line.text;
        while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
        if (rest.empty() || rest.front() == '#') return;
        auto fields = split(rest, ':', 7);
        PasswdEntry entry;
        entry.at = Spot(line);
        entry.name = fields[0];
        entry.compat = entry.name.starts_with('+') || entry.name.starts_with('-');
        if (fields.size() < 4 && !entry.compat) {
            result.unparsed.add(line, "passwd line with fewer than four fields");
            return;
        }
        fields.resize(7);
        const auto uid = account_number(fields[2]), gid = account_number(fields[3]);
        if ((!uid || !gid) && !entry.compat) {
            result.unparsed.add(line, "passwd line whose uid or gid is not a number");
            return;
        }
        entry.password = fields[1];
        entry.uid = uid.value_or(0);
        entry.gid = gid.value_or(0);
        entry.gecos = fields[4];
        entry.home = fields[5];
        entry.shell = fields[6];
        result.entries.push_back(std::move(entry));
    });
    return result;
}

} // namespace kanshiki::format
