// The table of reports: a new one is its own file, a declaration and one line here.

#include "analyze/report/reports_of_findings.h"
#include "kanshiki/triage.h"

#include <iosfwd>

namespace kanshiki {

void write_listing(const TriageResult& result, std::ostream& out);  // listing.cpp
void write_coverage(const TriageResult& result, std::ostream& out); // coverage.cpp
void write_bodyfile(const TriageResult& result, std::ostream& out); // bodyfile.cpp
void write_timeline(const TriageResult& result, std::ostream& out); // ../timeline/timeline.cpp

std::span<const Report> reports() {
    static constexpr Report table[] = {
        {"listing", "listing.jsonl", write_listing},          {"bodyfile", "bodyfile", write_bodyfile},
        {"timeline", "timeline.jsonl", write_timeline},       {"coverage", "coverage.jsonl", write_coverage},
        {"findings", "findings.jsonl", write_findings_jsonl}, {"report", "report.html", write_html_report},
    };
    return table;
}

} // namespace kanshiki
