#include "kanshiki/error.h"
#include "kanshiki/volume.h"

#include <algorithm>
#include <charconv>

namespace kanshiki {

const Volume& find_volume(const VolumeTable& table, std::string_view wanted) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), number);
    const bool numeric = error == std::errc{} && end == wanted.data() + wanted.size();
    const Volume* found = nullptr;
    for (const Volume& each : table.volumes) {
        if (!each.allocated || !(numeric ? each.number == number : !each.name.empty() && each.name == wanted)) continue;
        if (found != nullptr)
            throw Error(ExitCode::usage, "the volumes " + std::to_string(found->number) + " and " +
                                             std::to_string(each.number) + " are both called " + std::string(wanted) +
                                             ": choose one by its number");
        found = &each;
    }
    if (found == nullptr)
        throw Error(ExitCode::usage,
                    "there is no volume " + std::string(wanted) + "; kanshiki info tells numbers and names");
    return *found;
}

std::vector<VolumeContent::Part> locate(const Volume& volume, Range range) {
    if (volume.content) return volume.content->locate(range);
    return {{range.offset, range}};
}

std::vector<Range> storage(const Volume& volume, Range range) {
    if (volume.content) return volume.content->storage(range);
    return {range};
}

std::string place_text(const Volume& volume, Range range) {
    const auto bytes = [](const Range& each) {
        return "bytes " + std::to_string(each.offset) + " to " + std::to_string(each.end() - 1);
    };
    if (!volume.content) return "source " + bytes(range);
    const auto parts = volume.content->locate(range);
    std::string where = parts.empty() ? "which the source does not have" : "source " + bytes(parts.front().range);
    if (parts.size() > 1) where += " and " + std::to_string(parts.size() - 1) + " more pieces";
    return bytes(range) + " of " + volume.name + " (" + where + ")";
}

} // namespace kanshiki
