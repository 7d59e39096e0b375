#include "analyze/timeline/file_times.h"

#include "analyze/report/json_line.h"
#include "analyze/timeline/civil_time.h"

namespace kanshiki {
namespace {

constexpr size_t longest_message = 4096;

constexpr std::string_view descriptions[] = {"Content Modification Time", "Last Access Time",
                                             "Metadata Modification Time", "Creation Time", "Content Deletion Time"};

} // namespace

void add_file_times(const FileInfo& info, uint32_t index, std::vector<TimelineEntry>& entries) {
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

std::string time_description(uint8_t times) {
    std::string what;
    for (unsigned bit = 0; bit < std::size(descriptions); bit++)
        if (times >> bit & 1) what.append(what.empty() ? "" : "; ").append(descriptions[bit]);
    return what;
}

std::string bounded(std::string_view bytes) {
    if (bytes.size() <= longest_message) return std::string(bytes);
    return std::string(bytes.substr(0, longest_message)) + " ... (" + std::to_string(bytes.size() - longest_message) +
           " more bytes)";
}

std::string file_message(const ListedFile& file) {
    std::string message = file.path;
    if (!file.info.symlink_target.empty()) message += " -> " + file.info.symlink_target;
    if (file.deleted) message += file.info.allocated ? " (deleted, inode used again)" : " (deleted)";
    return bounded(message);
}

std::string timesketch_line(const ListedFile& file, const TimelineEntry& entry) {
    JsonLine line;
    line.text("message", file_message(file))
        .text("datetime", iso8601_offset(entry.time, 6))
        .text("timestamp_desc", time_description(entry.times));
    line.number("timestamp", microseconds(entry.time));
    line.text("data_type", "fs:stat").number("volume", file.volume).text("filename", bounded(file.path));
    line.number("inode", file.info.inode).number("size", file.info.size).flag("deleted", file.deleted);
    return line.finish();
}

} // namespace kanshiki
