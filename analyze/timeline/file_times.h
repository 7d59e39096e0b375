#pragma once
// A file's times as lines of a timeline: one for each different time, with what has it.

#include "kanshiki/triage.h"

#include <string>
#include <vector>

namespace kanshiki {

enum TimeBit : uint8_t {
    time_modified = 1,
    time_accessed = 2,
    time_changed = 4,
    time_created = 8,
    time_deleted = 16,
};

struct TimelineEntry {
    Timestamp time;
    uint32_t index = 0; // of the file in its listing
    uint8_t times = 0;  // bits of TimeBit
};

void add_file_times(const FileInfo& info, uint32_t index, std::vector<TimelineEntry>& entries);

// "Content Modification Time; Last Access Time": plaso's words, so that one timeline can hold both.
std::string time_description(uint8_t times);
// What a line says of the file: path, target, whether deleted. At most 4096 bytes of each: Timesketch fails on very
// long lines (timesketch#3243).
std::string file_message(const ListedFile& file);
std::string bounded(std::string_view bytes);

std::string timesketch_line(const ListedFile& file, const TimelineEntry& entry);

} // namespace kanshiki
