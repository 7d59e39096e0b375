#pragma once
// plaso's l2tcsv, 17 columns, so that a timeline of ours can stand in one table with log2timeline's.

#include "analyze/timeline/file_times.h"

namespace kanshiki {

std::string_view l2tcsv_header(); // its line
// prefix: what stands before the path. host: for the column of that name.
std::string l2tcsv_line(const ListedFile& file, const TimelineEntry& entry, std::string_view prefix,
                        std::string_view file_system);

// A cell that no spreadsheet takes for a formula or a new line, and no terminal obeys: escaped (\xNN), quoted where it
// must be,
// "'" before what begins with = + - @ or a quote of that kind.
std::string csv_cell(std::string_view bytes);

} // namespace kanshiki
