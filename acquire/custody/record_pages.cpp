// The custody record on a terminal and on paper.
#include "acquire/custody/printable_page.h"
#include "acquire/custody/record.h"
#include "kanshiki/escape.h"

#include <fmt/format.h>

namespace kanshiki {
namespace {

using Row = std::pair<std::string, std::string>;

// What was acquired, by whom, from what: the same rows in both forms. Values are as they came from outside.
std::vector<Row> about(const CustodyRecord& record) {
    const Manifest& m = record.manifest;
    const auto rows_of_case = [&] {
        return std::vector<Row>{{"case", m.case_info.case_id},
                                {"evidence", m.case_info.evidence_id},
                                {"examiner", m.case_info.examiner},
                                {"authority", m.case_info.authority},
                                {"note", m.case_info.note}};
    };
    std::vector<Row> rows = rows_of_case();
    std::erase_if(rows, [](const Row& row) { return row.second.empty(); });
    rows.insert(rows.begin(), {"image", record.image});
    rows.push_back({"source", m.source_uri});
    for (const auto& [name, value] : m.source_identity) rows.push_back({"source " + name, value});
    rows.push_back({"acquired", m.started + " to " + m.ended});
    rows.push_back({"on host", m.host.name + ", clock " + m.host.clock});
    rows.push_back({"by user", m.host.user});
    rows.push_back({"with", "kanshiki " + m.tool.version + ", SHA-256 " + m.tool.binary_sha256});
    rows.push_back({"size", fmt::format("{} bytes", m.size)});
    rows.push_back({"consistency", m.live ? "live (not point in time): " + m.live_why : "point in time"});
    rows.push_back({"unreadable",
                    fmt::format("{} bytes in {} ranges, zeros in the image", m.unreadable_bytes, m.unreadable_ranges)});
    rows.push_back({"root", to_hex(m.root)});
    for (const auto& [name, hex] : m.digests) rows.push_back({name, hex});
    rows.push_back({"manifest", "SHA-256 " + record.manifest_sha256});
    rows.push_back({"signature", record.signature});
    return rows;
}

std::string facts_of(const RecordEntry& entry) {
    std::string out;
    for (const auto& [name, value] : entry.facts)
        if (!value.empty()) out += (out.empty() ? "" : "; ") + name + ": " + value;
    return out;
}

std::string text_entries(const char* title, const std::vector<RecordEntry>& entries, const char* none) {
    std::string out = fmt::format("\n{}\n", title);
    if (entries.empty()) return out + "  " + none + "\n";
    for (const RecordEntry& entry : entries) {
        out += fmt::format("  {}  {}", escape_terminal(entry.time), escape_terminal(entry.act));
        if (!entry.who.empty())
            out += fmt::format("  by {} on {}", escape_terminal(entry.who), escape_terminal(entry.host));
        out += "\n";
        for (const auto& [name, value] : entry.facts)
            if (!value.empty()) out += fmt::format("      {}: {}\n", escape_terminal(name), escape_terminal(value));
    }
    return out;
}

std::string html_entries(const char* title, const std::vector<RecordEntry>& entries, const char* none) {
    std::string out = fmt::format("<h2>{}</h2>\n", title);
    if (entries.empty()) return out + fmt::format("<p>{}</p>\n", none);
    out +=
        "<table>\n<thead><tr><th>When (UTC)</th><th>What</th><th>Who, where</th><th>Facts</th></tr></thead>\n<tbody>\n";
    for (const RecordEntry& entry : entries)
        out += fmt::format("<tr><td class=\"when\">{}</td><td>{}</td><td>{}{}</td><td>{}</td></tr>\n",
                           escape_html(entry.time), escape_html(entry.act), escape_html(entry.who),
                           entry.host.empty() ? "" : "<br>" + escape_html(entry.host), escape_html(facts_of(entry)));
    return out + "</tbody>\n</table>\n";
}

} // namespace

std::string record_as_text(const CustodyRecord& record) {
    std::string out;
    for (const auto& [name, value] : about(record))
        out += fmt::format("{:<13}{}\n", escape_terminal(name), escape_terminal(value));
    out += text_entries("Deviations during the acquisition", record.deviations, "none recorded");
    if (record.deviations_left_out) out += fmt::format("  and {} more in the log\n", record.deviations_left_out);
    out += text_entries("Since then", record.acts, "nothing is recorded");
    for (const std::string& problem : record.problems) out += "\nPROBLEM  " + escape_terminal(problem) + "\n";
    return out;
}

std::string record_as_html(const CustodyRecord& record) {
    std::string out;
    for (const std::string& problem : record.problems)
        out += "<p class=\"problem\"><strong>Problem:</strong> " + escape_html(problem) + "</p>\n";
    out += "<table class=\"about\">\n<tbody>\n";
    for (const auto& [name, value] : about(record))
        out += fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", escape_html(name), escape_html(value));
    out += "</tbody>\n</table>\n";
    out += html_entries("Deviations during the acquisition", record.deviations, "None recorded.");
    if (record.deviations_left_out)
        out += fmt::format("<p>And {} more in the acquisition log.</p>\n", record.deviations_left_out);
    out += html_entries("Since then", record.acts, "Nothing is recorded.");
    out += "<h2>Signatures</h2>\n<table class=\"sign\"><tbody><tr><th>Handed over "
           "by</th><td></td><th>Date</th><td></td></tr>"
           "<tr><th>Received by</th><td></td><th>Date</th><td></td></tr></tbody></table>\n";
    return printable_page("Custody record of " + record.image, out);
}

} // namespace kanshiki
