#pragma once
// The parts of report.html behind the findings.

#include "kanshiki/triage.h"

namespace kanshiki::html {

void write_custody(const TriageResult& result, std::ostream& out);
void write_volumes(const TriageResult& result, std::ostream& out);
void write_logins(const TriageResult& result, std::ostream& out);  // compact: runs of failures are one row
void write_changes(const TriageResult& result, std::ostream& out); // the most recent changes of files
void write_ledger(const TriageResult& result, std::ostream& out);
void write_coverage(const TriageResult& result, std::ostream& out);

} // namespace kanshiki::html
