#include "analyze/format/shadow.h"

#include "analyze/format/crypt_hash.h"

namespace kanshiki::format {

namespace {

std::optional<int64_t> days(std::string_view field) {
    const auto value = decimal(trim(field));
    if (!value || *value > 100'000'000) return std::nullopt; // the year 275,760: nobody's password
    return static_cast<int64_t>(*value);
}

} // namespace

std::string withhold_digest(std::string_view line) {
    const size_t begin = line.find(':');
    if (begin == std::string_view::npos) return std::string(line);
    const std::string_view password = line.substr(begin + 1, line.find(':', begin + 1) - begin - 1);
    const size_t keep = digest_begin(password);
    if (keep >= password.size()) return std::string(line);
    std::string result(line.substr(0, begin + 1 + keep));
    result += "[digest withheld]";
    result += line.substr(begin + 1 + password.size());
    return result;
}

Parsed<ShadowEntry> parse_shadow(std::string_view text) {
    Parsed<ShadowEntry> result;
    for_each_line(text, [&](const Line& line) {
        std::string_view rest = line.text;
        while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
        if (rest.empty() || rest.front() == '#') return;
        auto fields = split(rest, ':', 9);
        if (fields.size() < 2) {
            result.unparsed.add(line, "shadow line without a password field");
            return;
        }
        fields.resize(9);
        ShadowEntry entry;
        entry.at = Spot(line);
        entry.at.text = withhold_digest(line.text).substr(0, Spot::excerpt_limit);
        entry.name = fields[0];
        entry.password = fields[1];
        entry.last_change = days(fields[2]);
        entry.expires = days(fields[7]);
        result.entries.push_back(std::move(entry));
    });
    return result;
}

} // namespace kanshiki::format
