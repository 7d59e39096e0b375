#include "analyze/format/crontab.h"

#include <algorithm>
#include <array>

namespace kanshiki::format {

namespace {

constexpr std::array nicknames{"@reboot", "@yearly", "@annually", "@monthly",
                               "@weekly", "@daily",  "@midnight", "@hourly"};

// Numbers, names, lists, ranges and steps; whether cron would take the numbers is left open, so that nothing is lost.
bool is_time_field(std::string_view field) {
    return !field.empty() && std::all_of(field.begin(), field.end(), [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("*,-/~").find(c) != std::string_view::npos;
    });
}

// NAME = VALUE, blanks around "=" and quotes around either allowed.
std::optional<std::pair<std::string, std::string>> setting_of(std::string_view text) {
    const auto unquote = [](std::string_view part) {
        part = trim(part);
        if (part.size() > 1 && (part.front() == '"' || part.front() == '\'') && part.back() == part.front())
            part = part.substr(1, part.size() - 2);
        return std::string(part);
    };
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string name = unquote(text.substr(0, equals));
    const bool plain = !name.empty() && !is_digit(name.front()) && std::all_of(name.begin(), name.end(), [](char c) {
        return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    });
    if (!plain) return std::nullopt;
    return std::pair{name, unquote(text.substr(equals + 1))};
}

bool take_schedule(std::string_view& text, std::string& schedule) {
    if (text.front() == '@') {
        const std::string_view name = take_word(text);
        schedule = name;
        return std::find(nicknames.begin(), nicknames.end(), name) != nicknames.end();
    }
    if (text.front() == '-') text.remove_prefix(1); // SUSE's cron: do not log
    for (int i = 0; i < 5; ++i) {
        const std::string_view field = take_word(text);
        if (!is_time_field(field)) return false;
        schedule += (i ? " " : "") + std::string(field);
    }
    return true;
}

void set_command(CronJob& job, std::string_view text) {
    text = trim(text);
    size_t percent = 0;
    while (percent < text.size() && !(text[percent] == '%' && (percent == 0 || text[percent - 1] != '\\'))) ++percent;
    job.command = text.substr(0, percent);
    if (percent < text.size()) job.input = text.substr(percent + 1);
}

} // namespace

Crontab parse_crontab(std::string_view text, CrontabStyle style) {
    Crontab table;
    for_each_line(text, [&](const Line& line) {
        std::string_view rest = trim(line.text);
        if (rest.empty() || rest.front() == '#') return;
        if (const auto setting = setting_of(rest)) {
            table.settings.push_back({setting->first, setting->second, Spot(line)});
            return;
        }
        CronJob job;
        job.at = Spot(line);
        if (!take_schedule(rest, job.schedule)) {
            table.unparsed.add(line, "crontab line whose times are not understood: read it by eye");
            return;
        }
        if (style == CrontabStyle::system) job.user = take_word(rest);
        set_command(job, rest);
        if (job.command.empty())
            table.unparsed.add(line, "crontab line without a command: read it by eye");
        else
            table.jobs.push_back(std::move(job));
    });
    return table;
}

} // namespace kanshiki::format
