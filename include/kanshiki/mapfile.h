#pragma once
// IMAGE.map: a GNU ddrescue mapfile (ddrescue manual, "Mapfile structure"), so that ddrescuelog reads and checks it.

#include "kanshiki/block_source.h"

#include <filesystem>
#include <string_view>

namespace kanshiki {

// Status '+' finished, '-' bad sector, '?' non-tried (an unfinished image's rest). `tried` is how far the image goes.
// bad: ascending, disjoint. Neighbours are merged. comment: lines, each is prefixed with "# ".
std::string render_mapfile(uint64_t size, uint64_t tried, std::span<const Bad> bad, std::string_view comment);

struct MapRow {
    Range range;
    char status = '?';
    bool operator==(const MapRow&) const = default;
};

// Checks everything: syntax, known statuses, rows contiguous from 0, no overflow, size of the text. Throws
// Error{never_valid} with `name` and the line.
std::vector<MapRow> parse_mapfile(std::string_view text, std::string_view name);

} // namespace kanshiki
