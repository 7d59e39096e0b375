#include "analyze/format/unit_file.h"

namespace kanshiki::format {

std::string_view without_exec_prefix(std::string_view value) {
    value = trim(value);
    const size_t begin = value.find_first_not_of("-@:+!|");
    return begin == std::string_view::npos ? std::string_view() : value.substr(begin);
}

bool is_exec_key(std::string_view key) {
    return key.starts_with("Exec") && key != "ExecSearchPath" && key != "ExecPaths";
}

Parsed<UnitSetting> parse_unit_file(std::string_view text) {
    Parsed<UnitSetting> result;
    std::string section;
    UnitSetting pending;
    bool continues = false;
    const auto close = [&] {
        continues = false;
        result.entries.push_back(std::move(pending));
        pending = {};
    };
    for_each_line(text, [&](const Line& line) {
        std::string_view rest = trim(line.text);
        // A comment between continuation lines is skipped and does not end the value.
        if (!rest.empty() && (rest.front() == '#' || rest.front() == ';')) return;
        const bool goes_on = rest.ends_with('\\');
        if (goes_on) rest.remove_suffix(1);
        if (continues) {
            pending.value += ' ' + std::string(trim(rest));
            if (!goes_on) close();
            return;
        }
        if (rest.empty()) return;
        if (rest.front() == '[') {
            section = rest.substr(1, rest.find(']') == rest.npos ? rest.npos : rest.find(']') - 1);
            return;
        }
        const size_t equals = rest.find('=');
        if (equals == std::string_view::npos) {
            result.unparsed.add(line, "unit file line that is neither section nor setting");
            return;
        }
        pending.section = section;
        pending.key = trim(rest.substr(0, equals));
        pending.value = trim(rest.substr(equals + 1));
        pending.at = Spot(line);
        continues = goes_on;
        if (!continues) close();
    });
    if (continues) close();
    return result;
}

} // namespace kanshiki::format
