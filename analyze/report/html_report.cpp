// report.html: the summary first, then each finding with its reason and evidence, then what was read and what was not.
// One file without script or outside resource, so that it can be mailed, printed and opened offline.

#include "analyze/artifact/fact.h"
#include "analyze/report/html_sections.h"
#include "analyze/report/html_style.h"
#include "analyze/report/html_text.h"
#include "analyze/report/reports_of_findings.h"

#include <array>
#include <ostream>

namespace kanshiki {

namespace {

constexpr std::array severities{Severity::critical, Severity::high, Severity::medium, Severity::low, Severity::info};

struct Tally {
    std::array<uint64_t, 5> of{};
    explicit Tally(const Findings& findings) {
        for (const Finding& finding : findings) ++of[static_cast<size_t>(finding.severity)];
    }
    uint64_t operator[](Severity severity) const { return of[static_cast<size_t>(severity)]; }
};

// "3 critical, 5 high and 2 low findings"
std::string tally_words(const Tally& tally) {
    std::vector<std::string> parts;
    uint64_t all = 0, last = 0;
    for (const Severity severity : severities)
        if (tally[severity] > 0) {
            parts.push_back(html::number(tally[severity]) + " " + std::string(severity_name(severity)));
            last = tally[severity];
            all += last;
        }
    if (parts.empty()) return "No findings";
    std::string words;
    for (size_t i = 0; i < parts.size(); ++i)
        words += (i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ") + parts[i];
    return words + (all == 1 ? " finding" : " findings");
}

std::string advice(const Tally& tally) {
    if (tally[Severity::critical] > 0)
        return "Critical findings are signs of a break-in that hardly have a harmless explanation. Treat this system "
               "as compromised until "
               "each of them is explained.";
    if (tally[Severity::high] > 0)
        return "Nothing here proves a break-in by itself, but the high findings need an explanation from somebody who "
               "knows this system.";
    if (tally[Severity::medium] > 0)
        return "Some things are unusual. They often have a harmless reason: compare with what is known of this system.";
    return "Nothing suspicious was found by the checks that ran. That is not proof of a clean system: see what was not "
           "read, below.";
}

void write_summary(const TriageResult& result, std::ostream& out) {
    const Tally tally(result.findings);
    out << "<section id=\"summary\">\n<p><b>" << tally_words(tally) << ".</b> " << advice(tally)
        << "</p>\n<ul class=\"tally\">\n";
    for (const Severity severity : severities)
        out << "<li class=\"" << severity_name(severity) << (tally[severity] == 0 ? " none" : "") << "\"><b>"
            << html::number(tally[severity]) << "</b>" << severity_name(severity) << "</li>\n";
    out << "</ul>\n";
    std::string list;
    size_t index = 0, shown = 0;
    for (const Finding& finding : result.findings) {
        ++index;
        if (finding.severity < Severity::high || ++shown > 30) continue;
        list += "<li><a href=\"#f" + std::to_string(index) + "\">" + html::text(finding.title) +
                "</a> <span class=\"soft\">" + std::string(severity_name(finding.severity)) + "</span></li>\n";
    }
    if (!list.empty()) out << "<div class=\"panel\"><h3>What needs an answer first</h3>\n<ol>\n" << list << "</ol>\n";
    if (shown > 30)
        out << "<p class=\"soft\">and " << html::number(shown - 30)
            << " more of high or critical severity, below.</p>\n";
    if (!list.empty()) out << "</div>\n";
    out << "</section>\n";
}

void write_evidence(const Evidence& evidence, std::ostream& out) {
    out << "<li>" << html::code(evidence.path) << (evidence.deleted ? " <b>(deleted)</b>" : "")
        << " <span class=\"soft\">volume " << evidence.volume << ", inode " << evidence.inode;
    if (evidence.line) out << ", line " << html::number(*evidence.line);
    if (evidence.offset) out << ", byte " << html::number(*evidence.offset);
    out << "</span>";
    if (!evidence.excerpt.empty()) out << "<pre>" << html::text(evidence.excerpt) << "</pre>";
    out << "</li>\n";
}

void write_finding(const Finding& finding, size_t index, std::ostream& out) {
    out << "<article class=\"panel finding " << severity_name(finding.severity) << "\" id=\"f" << index << "\">\n<h3>"
        << html::text(finding.title) << "</h3>\n<div class=\"facts\"><span class=\"mark\">"
        << severity_name(finding.severity) << "</span><span>" << html::text(finding.rule) << "</span>";
    if (!finding.attack.empty()) out << "<span>" << html::attack_link(finding.attack) << "</span>";
    if (finding.time) out << "<span>" << utc_text(*finding.time) << "</span>";
    out << "</div>\n<p>" << html::text(finding.why) << "</p>\n";
    if (!finding.evidence.empty()) {
        out << "<ul class=\"evidence\">\n";
        for (const Evidence& evidence : finding.evidence) write_evidence(evidence, out);
        out << "</ul>\n";
    }
    out << "</article>\n";
}

void write_findings(const TriageResult& result, std::ostream& out) {
    const Tally tally(result.findings);
    out << "<section id=\"findings\">\n<h2>Findings</h2>\n";
    if (result.findings.empty()) out << "<p>None.</p>\n";
    for (const Severity severity : severities) {
        if (tally[severity] == 0) continue;
        const bool folded = severity == Severity::info; // still in the page: printed and searched once opened
        if (folded)
            out << "<details><summary>" << html::count(tally[severity], "note for information", "notes for information")
                << "</summary>\n";
        size_t index = 0;
        for (const Finding& finding : result.findings) {
            ++index;
            if (finding.severity == severity) write_finding(finding, index, out);
        }
        if (folded) out << "</details>\n";
    }
    out << "</section>\n";
}

} // namespace

void write_html_report(const TriageResult& result, std::ostream& out) {
    out << "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" "
           "content=\"no-referrer\">\n"
           "<title>Triage of "
        << html::text(result.source.uri) << "</title>\n<style>" << html_style << "</style>\n</head>\n<body>\n<header>\n"
        << "<div class=\"brand\">kanshiki &middot; triage report</div>\n<h1>" << html::text(result.source.uri)
        << "</h1>\n<p class=\"soft\">"
        << "Read from " << html::text(result.started) << " to " << html::text(result.ended)
        << "</p>\n</header>\n<main>\n";
    write_summary(result, out);
    write_findings(result, out);
    html::write_custody(result, out);
    html::write_volumes(result, out);
    html::write_logins(result, out);
    html::write_changes(result, out);
    html::write_coverage(result, out);
    html::write_ledger(result, out);
    out << "</main>\n<footer>\n<p>All times are UTC unless a finding says otherwise. Bytes and lines are places in the "
           "named file: bytes "
           "count from 0, lines from 1. Characters that could mislead a reader (control characters, changes of writing "
           "direction, invalid "
           "UTF-8) are shown as \\xNN. Severity says how hard it is to explain a finding harmlessly, not how certain "
           "an intrusion is.</p>\n"
           "</footer>\n</body>\n</html>\n";
}

} // namespace kanshiki
