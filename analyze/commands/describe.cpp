#include "analyze/commands/describe.h"

#include "kanshiki/escape.h"

#include <fmt/format.h>

namespace kanshiki {

std::string human_size(uint64_t bytes) {
    static constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double value = static_cast<double>(bytes);
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < std::size(units)) value /= 1024, unit++;
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

nlohmann::ordered_json describe(const FileSystemInfo& info) {
    return {{"type", info.type},
            {"label", to_utf8_lossless(info.label)},
            {"uuid", to_utf8_lossless(info.uuid)},
            {"block_size", info.block_size}};
}

nlohmann::ordered_json describe(const Volume& volume) {
    return {{"number", volume.number},
            {"offset", volume.range.offset},
            {"size", volume.range.size},
            {"description", to_utf8_lossless(volume.description)},
            {"allocated", volume.allocated},
            {"name", to_utf8_lossless(volume.name)},
            {"inner", volume.content != nullptr},
            {"opened", volume.opened}};
}

} // namespace kanshiki
