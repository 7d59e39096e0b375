#include "analyze/format/ld_preload.h"

namespace kanshiki::format {

Parsed<PreloadedLibrary> parse_ld_preload(std::string_view text) {
    Parsed<PreloadedLibrary> result;
    for_each_line(text, [&](const Line& line) {
        std::string_view rest = line.text.substr(0, line.text.find('#'));
        while (!rest.empty()) {
            const size_t end = std::min(rest.find_first_of(" \t\r\f\v:"), rest.size());
            if (end > 0) {
                if (result.entries.size() < 4096)
                    result.entries.push_back({std::string(rest.substr(0, end)), Spot(line)});
                else
                    result.unparsed.add(line, "more than 4096 preloaded libraries: the rest is not listed");
            }
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    });
    return result;
}

} // namespace kanshiki::format
