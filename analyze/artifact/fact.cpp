#include "analyze/artifact/fact.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace kanshiki {

Evidence evidence_of(const FileView& file) {
    Evidence where;
    where.volume = file.volume();
    where.path = file.path();
    where.inode = file.info().inode;
    where.deleted = file.deleted();
    return where;
}

Evidence evidence_at(const FileView& file, uint64_t offset, std::optional<uint64_t> line, std::string_view excerpt) {
    Evidence where = evidence_of(file);
    where.offset = offset;
    where.line = line;
    where.excerpt = excerpt.substr(0, format::Spot::excerpt_limit);
    return where;
}

Evidence evidence_at(const FileView& file, const format::Spot& at) {
    return evidence_at(file, at.offset, at.line, at.text);
}

void report_unparsed(const FileView& file, const format::Unparsed& unparsed) {
    for (const auto& place : unparsed.first)
        file.not_covered("line " + std::to_string(place.line) + ", byte " + std::to_string(place.offset), place.why);
    if (unparsed.count > unparsed.first.size())
        file.not_covered("after line " + std::to_string(unparsed.first.back().line),
                         std::to_string(unparsed.count - unparsed.first.size()) + " more lines that do not parse");
}

bool names_another_file(const FileView& file) { return file.deleted() && file.info().allocated; }

void FindingList::add(std::string_view rule, Severity severity, std::string title, std::string_view why,
                      std::string_view attack, std::vector<Evidence> evidence, std::optional<Timestamp> time) {
    std::string name = analyzer_ + "." + std::string(rule);
    Rest& rest = rules_[name];
    if (++rest.count > limit_per_rule) {
        rest.severity = std::max(rest.severity, severity);
        rest.attack = attack;
        return;
    }
    findings_.push_back({analyzer_, std::move(name), severity, std::move(title), std::string(why), std::string(attack),
                         std::move(evidence), time});
}

void FindingList::finish() {
    for (const auto& [rule, rest] : rules_) {
        if (rest.count <= limit_per_rule) continue;
        const std::string more = std::to_string(rest.count - limit_per_rule);
        findings_.push_back(
            {analyzer_,
             rule,
             rest.severity,
             more + " more findings of rule " + rule + " are not listed",
             "Only the first " + std::to_string(limit_per_rule) +
                 " findings of a rule are listed one by one. So many of one kind are themselves unusual: "
                 "look at the files that the listed ones name.",
             rest.attack,
             {},
             std::nullopt});
    }
    rules_.clear();
}

std::string enumerate(const std::vector<std::string>& names, size_t most) {
    std::string text;
    for (size_t i = 0; i < std::min(names.size(), most); ++i) text += (i ? ", " : "") + names[i];
    if (names.size() > most) text += " and " + std::to_string(names.size() - most) + " more";
    return text;
}

std::string utc_text(Timestamp time) {
    const std::time_t when = time.seconds;
    std::tm parts{};
    if (gmtime_r(&when, &parts) == nullptr) return std::to_string(time.seconds) + " s";
    char text[64];
    std::snprintf(text, sizeof text, "%04lld-%02d-%02d %02d:%02d:%02d UTC", parts.tm_year + 1900LL, parts.tm_mon + 1,
                  parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
    return text;
}

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }
std::string_view folder_of(std::string_view path) { return path.substr(0, path.rfind('/') + 1); }

} // namespace kanshiki
