#include "analyze/report/html_sections.h"

#include "analyze/artifact/fact.h"
#include "analyze/report/html_text.h"

#include <algorithm>
#include <map>
#include <ostream>

namespace kanshiki::html {

namespace {

constexpr size_t most_events = 300, most_changes = 60, most_deleted = 40, most_uncovered = 500;

void row(std::ostream& out, std::string_view name, const std::string& value) {
    out << "<tr><th>" << text(name) << "</th><td>" << value << "</td></tr>\n";
}

std::string size_or_unknown(const std::optional<uint64_t>& bytes) { return bytes ? size(*bytes) : "unknown"; }

void write_case(const CaseInfo& info, std::ostream& out) {
    const std::pair<std::string_view, const std::string&> fields[] = {{"Case", info.case_id},
                                                                      {"Evidence", info.evidence_id},
                                                                      {"Examiner", info.examiner},
                                                                      {"Authority", info.authority},
                                                                      {"Note", info.note}};
    for (const auto& [name, value] : fields)
        if (!value.empty()) row(out, name, text(value) + " <span class=\"soft\">(the manifest says)</span>");
}

} // namespace

void write_custody(const TriageResult& result, std::ostream& out) {
    const SourceInfo& source = result.source;
    out << "<section id=\"source\">\n<h2>Source and conditions</h2>\n<div class=\"panel\"><table class=\"custody\">\n";
    row(out, "Source", code(source.uri));
    if (result.case_info) write_case(*result.case_info, out);
    row(out, "Kind", text(source.kind));
    row(out, "Size", size_or_unknown(source.size));
    row(out, "Sectors",
        number(source.logical_sector) + " bytes logical, " + number(source.physical_sector) + " bytes physical");
    row(out, "State",
        source.live ? "in use while it was read: not one point in time (" + text(source.live_why) + ")"
                    : "not in use while it was read");
    for (const auto& [name, value] : source.identity) row(out, name, text(value));
    row(out, "Started", text(result.started));
    row(out, "Ended", text(result.ended));
    std::string held;
    for (const std::string& what : result.confinement) held += (held.empty() ? "" : "<br>") + text(what);
    row(out, "Confinement",
        held.empty() ? "<b>none</b>: hostile file systems were parsed without a sandbox, with all rights of the program"
                     : held);
    out << "</table></div>\n</section>\n";
}

void write_volumes(const TriageResult& result, std::ostream& out) {
    out << "<section id=\"volumes\">\n<h2>Volumes</h2>\n<div class=\"panel\">\n<p>Partition table: "
        << text(result.table.scheme) << "</p>\n"
        << "<table><tr><th>No.</th><th>What</th><th class=\"n\">First byte</th><th class=\"n\">Size</th><th>File "
           "system</th>"
           "<th class=\"n\">Files</th><th class=\"n\">Directories</th><th class=\"n\">Deleted names</th></tr>\n";
    std::map<unsigned, const VolumeSummary*> read;
    for (const VolumeSummary& volume : result.volumes) read.emplace(volume.number, &volume);
    const auto line = [&](unsigned index, const std::string& what, const std::string& first, uint64_t bytes,
                          const std::string& holds, const VolumeSummary* volume) {
        out << "<tr><td>" << index << "</td><td>" << what << "</td><td class=\"n\">" << first << "</td><td class=\"n\">"
            << size(bytes) << "</td>";
        if (volume == nullptr) {
            out << "<td colspan=\"4\" class=\"soft\">"
                << (holds.empty() ? "no file system that this version reads" : holds) << "</td></tr>\n";
            return;
        }
        out << "<td>" << text(volume->file_system.type);
        if (!volume->file_system.label.empty()) out << " \"" << text(volume->file_system.label) << "\"";
        if (!volume->file_system.uuid.empty())
            out << "<br><span class=\"soft\">" << text(volume->file_system.uuid) << "</span>";
        out << "</td><td class=\"n\">" << number(volume->files) << "</td><td class=\"n\">"
            << number(volume->directories) << "</td><td class=\"n\">" << number(volume->deleted) << "</td></tr>\n";
    };
    for (const Volume& volume : result.table.volumes) {
        const auto found = read.find(volume.number);
        line(volume.number, text(volume.description) + (volume.allocated ? "" : " (no partition)"),
             volume.content ? "" : number(volume.range.offset), volume.range.size, text(volume.holds),
             found == read.end() ? nullptr : found->second);
        if (found != read.end()) read.erase(found);
    }
    for (const auto& [index, volume] : read)
        line(index, "", number(volume->range.offset), volume->range.size, "", volume);
    out << "</table>\n";
    for (const std::string& notice : result.table.notices) out << "<p>" << text(notice) << "</p>\n";
    out << "</div>\n</section>\n";
}

void write_logins(const TriageResult& result, std::ostream& out) {
    std::vector<const TimelineEvent*> events;
    for (const TimelineEvent& event : result.records.of<TimelineEvent>()) events.push_back(&event);
    std::stable_sort(events.begin(), events.end(), [](const auto* a, const auto* b) { return a->time < b->time; });
    const auto failed = [](const TimelineEvent& event) {
        return event.description.starts_with("Login failed") || event.description.starts_with("Login tried");
    };

    struct Row {
        const TimelineEvent* first;
        const TimelineEvent* last;
        uint64_t events;
    };
    std::vector<Row> rows;
    for (const TimelineEvent* event : events) {
        if (!rows.empty() && failed(*event) && failed(*rows.back().last)) {
            rows.back().last = event;
            ++rows.back().events;
        } else {
            rows.push_back({event, event, 1});
        }
    }
    out << "<section id=\"logins\">\n<h2>Logins and what the logs tell</h2>\n<div class=\"panel\">\n";
    if (rows.empty()) out << "<p>No events: no login log was found or none could be read.</p>\n";
    const size_t skip = rows.size() > most_events ? rows.size() - most_events : 0;
    if (skip > 0)
        out << "<p class=\"soft\">" << number(skip)
            << " earlier rows are left out here; timeline.jsonl holds every event.</p>\n";
    if (!rows.empty()) out << "<table><tr><th>When (UTC)</th><th>Event</th><th>Where</th></tr>\n";
    for (size_t i = skip; i < rows.size(); ++i) {
        const Row& each = rows[i];
        out << "<tr><td class=\"when\">" << utc_text(each.first->time);
        if (each.events > 1) out << "<br>to " << utc_text(each.last->time);
        out << "</td><td>";
        if (each.events > 1) out << "<b>" << number(each.events) << " records of failed logins</b>, first: ";
        out << text(each.first->message) << "</td><td>" << code(each.first->where.path);
        if (each.first->where.line)
            out << ", line " << number(*each.first->where.line);
        else if (each.first->where.offset)
            out << ", byte " << number(*each.first->where.offset);
        out << "</td></tr>\n";
    }
    if (!rows.empty()) out << "</table>\n";
    out << "</div>\n</section>\n";
}

namespace {

// The `most` files with the latest time, newest first; of equal ones those listed first.
template<class Time>
std::vector<ListedFile> latest(const TriageResult& result, size_t most, Time&& time_of) {
    std::vector<std::pair<Timestamp, size_t>> found;
    const auto later = [](const auto& a, const auto& b) {
        return a.first != b.first ? a.first > b.first : a.second < b.second;
    };
    size_t index = 0;
    for (const ListedFile& file : result.listing) {
        if (const auto time = time_of(file)) found.emplace_back(*time, index);
        index++;
        if (found.size() < most * 64) continue; // keeps the memory small on large volumes
        std::ranges::nth_element(found, found.begin() + static_cast<std::ptrdiff_t>(most), later);
        found.resize(most);
    }
    std::ranges::sort(found, later);
    if (found.size() > most) found.resize(most);
    std::vector<ListedFile> files;
    files.reserve(found.size());
    for (const auto& [time, place] : found) files.push_back(result.listing[place]);
    return files;
}

template<class Time>
void write_files(const std::vector<ListedFile>& files, std::string_view when, std::ostream& out, Time&& time_of) {
    out << "<table><tr><th>" << when << "</th><th>Content modified</th><th class=\"n\">Size</th><th>File</th></tr>\n";
    for (const ListedFile& file : files)
        out << "<tr><td class=\"when\">" << utc_text(*time_of(file)) << "</td><td class=\"when\">"
            << (file.info.modified ? utc_text(*file.info.modified) : "") << "</td><td class=\"n\">"
            << number(file.info.size) << "</td><td>" << code(file.path) << " <span class=\"soft\">volume "
            << file.volume << ", inode " << file.info.inode << "</span></td></tr>\n";
    out << "</table>\n";
}

} // namespace

void write_changes(const TriageResult& result, std::ostream& out) {
    const auto changed = [](const ListedFile& file) -> std::optional<Timestamp> {
        if (file.deleted || file.orphan || file.info.type != FileType::regular) return {};
        return file.info.changed ? file.info.changed : file.info.modified;
    };
    const auto deleted = [](const ListedFile& file) -> std::optional<Timestamp> {
        return file.info.allocated ? std::nullopt : file.info.deleted;
    };
    const auto recent = latest(result, most_changes, changed);
    const auto gone = latest(result, most_deleted, deleted);
    out << "<section id=\"changes\">\n<h2>Most recent changes of files</h2>\n<div class=\"panel\">\n";
    if (recent.empty()) {
        out << "<p>No file with a time stamp was listed.</p>\n";
    } else {
        out << "<p class=\"soft\">By the time of the last change of the inode, which ordinary tools cannot set back. A "
               "content time that is much "
               "older can be a restored or unpacked file, or a time stamp set back to hide.</p>\n";
        write_files(recent, "Changed", out, changed);
    }
    out << "</div>\n";
    if (!gone.empty()) {
        out << "<div class=\"panel\"><h3>Deleted last</h3>\n";
        write_files(gone, "Deleted", out, deleted);
        out << "</div>\n";
    }
    out << "</section>\n";
}

namespace {

void write_sums(const std::vector<CoverageSum>& sums, std::string_view head, std::string (*amount)(uint64_t),
                std::ostream& out) {
    out << "<table><tr><th>Volume</th><th>What</th><th>Was</th><th>Why</th><th class=\"n\">" << head << "</th></tr>\n";
    uint64_t all = 0;
    for (const CoverageSum& each : sums) {
        out << "<tr><td>" << each.of.volume << "</td><td>" << text(each.of.what) << "</td><td>"
            << treated_name(each.of.treated) << "</td><td>" << text(each.of.why) << "</td><td class=\"n\">"
            << amount(each.amount) << "</td></tr>\n";
        all += each.amount;
    }
    out << "<tr><th colspan=\"4\">in all</th><th class=\"n\">" << amount(all) << "</th></tr>\n</table>\n";
}

} // namespace

void write_ledger(const TriageResult& result, std::ostream& out) {
    if (result.coverage.bytes.empty()) return;
    out << "<section id=\"ledger\">\n<h2>What became of every byte and every name</h2>\n<div class=\"panel\">\n"
           "<p class=\"soft\">Each byte of the source is counted once; coverage.jsonl has the ranges.</p>\n";
    write_sums(result.coverage.bytes, "Bytes", size, out);
    out << "</div>\n<div class=\"panel\">\n";
    write_sums(result.coverage.files, "Names", number, out);
    out << "</div>\n</section>\n";
}

void write_coverage(const TriageResult& result, std::ostream& out) {
    out << "<section id=\"coverage\">\n<h2>What was not read, and why</h2>\n<div class=\"panel\">\n";
    if (result.not_covered.empty()) {
        out << "<p>Every file that the checks asked for was read whole.</p>\n";
    } else {
        out << "<p>" << count(result.not_covered.size(), "place", "places")
            << " could not be read or understood. Something may hide there that no finding tells of.</p>\n"
               "<table><tr><th>File</th><th>Where</th><th>Why</th></tr>\n";
        for (size_t i = 0; i < std::min(result.not_covered.size(), most_uncovered); ++i) {
            const NotCovered& each = result.not_covered[i];
            out << "<tr><td>" << code(each.path) << " <span class=\"soft\">volume " << each.volume << "</span></td><td>"
                << text(each.where) << "</td><td>" << text(each.why) << "</td></tr>\n";
        }
        out << "</table>\n";
        if (result.not_covered.size() > most_uncovered)
            out << "<p><b>" << number(result.not_covered.size() - most_uncovered)
                << " more are not listed here; coverage.jsonl has every one.</b></p>\n";
    }
    out << "</div>\n</section>\n";
}

} // namespace kanshiki::html
