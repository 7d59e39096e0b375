// timeline.jsonl, as Timesketch imports it: message, datetime, timestamp_desc and timestamp (µs) on every line, the
// whole case in the order of time: what the files' inodes say and what the analyzers read out of the logs.

#include "analyze/report/json_line.h"
#include "analyze/timeline/civil_time.h"
#include "analyze/timeline/file_times.h"
#include "kanshiki/triage.h"

#include <algorithm>
#include <ostream>

namespace kanshiki {
namespace {

void write_common(JsonLine& line, const Timestamp& time, std::string_view message, std::string_view description) {
    line.text("message", bounded(message))
        .text("datetime", iso8601_offset(time, 6))
        .text("timestamp_desc", description);
    line.number("timestamp", microseconds(time));
}

std::string event_line(const TimelineEvent& event) {
    JsonLine line;
    write_common(line, event.time, event.message, event.description);
    line.text("data_type", "kanshiki:event")
        .number("volume", event.where.volume)
        .text("filename", bounded(event.where.path));
    line.number("inode", event.where.inode);
    if (event.where.offset) line.number("offset", *event.where.offset);
    if (event.where.line) line.number("line", *event.where.line);
    return line.finish();
}

} // namespace

void write_timeline(const TriageResult& result, std::ostream& out) {
    const std::vector<TimelineEvent>& events = result.records.of<TimelineEvent>();
    std::vector<TimelineEntry> entries;
    entries.reserve(result.listing.size() * 2 + events.size());
    for (uint32_t index = 0; const ListedFile& file : result.listing) add_file_times(file.info, index++, entries);
    for (uint32_t index = 0; const TimelineEvent& event : events)
        entries.push_back({event.time, index++, 0}); // times 0: an event
    std::ranges::stable_sort(entries, {}, &TimelineEntry::time);
    for (const TimelineEntry& entry : entries) {
        const std::string line =
            entry.times == 0 ? event_line(events[entry.index]) : timesketch_line(result.listing[entry.index], entry);
        out.write(line.data(), static_cast<std::streamsize>(line.size()));
    }
}

} // namespace kanshiki
