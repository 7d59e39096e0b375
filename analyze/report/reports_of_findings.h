#pragma once
// The findings' own reports; reports.cpp lists them.

#include "kanshiki/triage.h"

namespace kanshiki {

// findings.jsonl: one JSON object a line (docs/formats/findings.md).
void write_findings_jsonl(const TriageResult& result, std::ostream& out);
// report.html: one self-contained page for people.
void write_html_report(const TriageResult& result, std::ostream& out);

} // namespace kanshiki
