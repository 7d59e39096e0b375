#include "analyze/timeline/l2tcsv.h"

#include "analyze/timeline/civil_time.h"
#include "kanshiki/escape.h"

namespace kanshiki {

std::string csv_cell(std::string_view bytes) {
    std::string text = escape_terminal(bytes);
    const size_t first = text.find_first_not_of(' '); // some programs strip blanks before they look
    if (first != std::string::npos && std::string_view("=+-@'").find(text[first]) != std::string_view::npos)
        text.insert(0, "'");
    if (text.find_first_of(",\"'; ") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char byte : text) quoted.append(byte == '"' ? 2 : 1, byte);
    return quoted += '"';
}

std::string_view l2tcsv_header() {
    return "date,time,timezone,MACB,source,sourcetype,type,user,host,short,desc,version,filename,inode,notes,format,"
           "extra\n";
}

namespace {

// "MACB" with a dot for each that is another time. B is birth; a time of deletion has no letter of its own.
std::string macb(uint8_t times) {
    std::string letters = "....";
    if (times & time_modified) letters[0] = 'M';
    if (times & time_accessed) letters[1] = 'A';
    if (times & time_changed) letters[2] = 'C';
    if (times & time_created) letters[3] = 'B';
    return letters;
}

} // namespace

std::string l2tcsv_line(const ListedFile& file, const TimelineEntry& entry, std::string_view prefix,
                        std::string_view file_system) {
    const std::string when = iso8601(entry.time, 9); // YYYY-MM-DDTHH:MM:SS.fffffffffZ
    const size_t t = when.find('T'), month = t - 5, day = t - 2;
    const std::string path = std::string(prefix) + file.path;
    const std::string message = std::string(prefix) + file_message(file);
    const std::string what = csv_cell(time_description(entry.times));
    std::string line = when.substr(month, 2) + '/' + when.substr(day, 2) + '/' + when.substr(0, month - 1);
    line.append(",").append(when, t + 1, 8).append(",UTC,").append(macb(entry.times));
    line.append(",FILE,").append(csv_cell(std::string(file_system) + " inode")).append(",").append(what);
    line.append(",").append(std::to_string(file.info.uid)).append(",-,"); // user, host
    line.append(csv_cell(bounded(path))).append(",").append(csv_cell(message)).append(",2,");
    line.append(csv_cell(bounded(path))).append(",").append(std::to_string(file.info.inode)).append(",");
    line.append(file.deleted ? "deleted" : "-").append(",kanshiki,");
    std::string extra = "volume: " + std::to_string(file.volume) + "; size: " + std::to_string(file.info.size) +
                        "; ns: " + when.substr(t + 10, 9);
    return line.append(csv_cell(extra)).append("\n");
}

} // namespace kanshiki
