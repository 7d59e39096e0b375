#include "analyze/report/html_text.h"

#include "kanshiki/escape.h"

#include <cstdio>

namespace kanshiki::html {

std::string text(std::string_view bytes) { return escape_html(bytes); }
std::string code(std::string_view bytes) { return "<code>" + escape_html(bytes) + "</code>"; }

std::string number(uint64_t value) {
    std::string digits = std::to_string(value);
    for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
    return digits;
}

std::string size(uint64_t bytes) {
    static constexpr const char* units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = static_cast<double>(bytes);
    size_t unit = 0;
    for (; value >= 1024 && unit < 6; ++unit) value /= 1024;
    if (unit == 0) return count(bytes, "byte", "bytes");
    char shown[64];
    std::snprintf(shown, sizeof shown, "%.1f %s", value, units[unit]);
    return std::string(shown) + " (" + number(bytes) + " bytes)";
}

std::string count(uint64_t value, std::string_view one, std::string_view many) {
    return number(value) + " " + std::string(value == 1 ? one : many);
}

std::string attack_link(std::string_view id) {
    const auto digits = [&](size_t from, size_t many) {
        for (size_t i = from; i < from + many; ++i)
            if (id[i] < '0' || id[i] > '9') return false;
        return true;
    };
    const bool whole = id.size() == 5 && id[0] == 'T' && digits(1, 4);
    const bool part = id.size() == 9 && id[0] == 'T' && id[5] == '.' && digits(1, 4) && digits(6, 3);
    if (!whole && !part) return text(id);
    std::string path(id.substr(0, 5));
    if (part) path += "/" + std::string(id.substr(6));
    return "<a href=\"https://attack.mitre.org/techniques/" + path + "/\" rel=\"noreferrer noopener\">ATT&amp;CK " +
           std::string(id) + "</a>";
}

} // namespace kanshiki::html
