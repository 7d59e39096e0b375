// timeline.jsonl, as Timesketch imports it: message, datetime, timestamp_desc and timestamp (µs) on every line, the
// whole case in the order of time: what the files' inodes say and what the analyzers read out of the logs.

#include "analyze/report/json_line.h"
#include "analyze/timeline/civil_time.h"
#include "kanshiki/triage.h"

#include <algorithm>
#include <ostream>

namespace kanshiki {
namespace {

// Timesketch fails on very long lines (timesketch#3243).
constexpr size_t longest_message = 4096;

// plaso's words, so that one timeline can hold both.
constexpr std::string_view descriptions[] = {"Content Modification Time", "Last Access Time",
                                             "Metadata Modification Time", "Creation Time", "Content Deletion Time"};

struct Entry {
    Timestamp time;
    uint32_t index = 0; // in the listing or among the events
    uint8_t times = 0;  // bits of descriptions; 0: an event
};

std::string bounded(std::string_view bytes) {
    if (bytes.size() <= longest_message) return std::string(bytes);
    return std::string(bytes.substr(0, longest_message)) + " ... (" + std::to_string(bytes.size() - longest_message) +
           " more bytes)";
}

void add_file(const FileInfo& info, uint32_t index, std::vector<Entry>& entries) {
    const std::optional<Timestamp>* times[] = {&info.modified, &info.accessed, &info.changed, &info.created,
                                               &info.deleted};
    uint8_t done = 0;
    for (unsigned first = 0; first < std::size(times); first++) {
        if (!*times[first] || (done >> first & 1)) continue;
        uint8_t equal = 0;
        for (unsigned other = first; other < std::size(times); other++)
            if (*times[other] == *times[first]) equal = static_cast<uint8_t>(equal | 1u << other);
        done |= equal;
        entries.push_back({**times[first], index, equal});
    }
}

void write_common(JsonLine& line, const Timestamp& time, std::string_view message, std::string_view description) {
    line.text("message", bounded(message))
        .text("datetime", iso8601_offset(time, 6))
        .text("timestamp_desc", description);
    line.number("timestamp", microseconds(time));
}

std::string file_line(const ListedFile& file, const Entry& entry) {
    std::string what;
    for (unsigned bit = 0; bit < std::size(descriptions); bit++)
        if (entry.times >> bit & 1) what.append(what.empty() ? "" : "; ").append(descriptions[bit]);
    std::string message = file.path;
    if (!file.info.symlink_target.empty()) message += " -> " + file.info.symlink_target;
    if (file.deleted) message += file.info.allocated ? " (deleted, inode used again)" : " (deleted)";
    JsonLine line;
    write_common(line, entry.time, message, what);
    line.text("data_type", "fs:stat").number("volume", file.volume).text("filename", bounded(file.path));
    line.number("inode", file.info.inode).number("size", file.info.size).flag("deleted", file.deleted);
    return line.finish();
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
    std::vector<Entry> entries;
    entries.reserve(result.listing.size() * 2 + events.size());
    for (uint32_t index = 0; const ListedFile& file : result.listing) add_file(file.info, index++, entries);
    for (uint32_t index = 0; const TimelineEvent& event : events) entries.push_back({event.time, index++, 0});
    std::ranges::stable_sort(entries, {}, &Entry::time);
    for (const Entry& entry : entries) {
        const std::string line =
            entry.times == 0 ? event_line(events[entry.index]) : file_line(result.listing[entry.index], entry);
        out.write(line.data(), static_cast<std::streamsize>(line.size()));
    }
}

} // namespace kanshiki
