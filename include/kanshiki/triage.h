#pragma once
// The whole of triage over one source, and the reports of it.

#include "kanshiki/analyzer.h"
#include "kanshiki/coverage.h"
#include "kanshiki/events.h"
#include "kanshiki/listing.h"
#include "kanshiki/manifest.h"
#include "kanshiki/volume.h"

#include <filesystem>
#include <iosfwd>

namespace kanshiki {

// What was not read, and why. Nothing is skipped without a line here.
struct NotCovered {
    unsigned volume = 0;
    std::string path, where, why;
};

struct TriageResult {
    SourceInfo source;
    std::optional<CaseInfo> case_info; // what the image's manifest says; nothing here is checked against the image
    VolumeTable table;
    std::vector<VolumeSummary> volumes;
    Listing listing; // by volume, then as the tree is walked depth first, names sorted by bytes
    Records records;
    Findings findings; // most severe first, then by rule, path, line
    std::vector<NotCovered> not_covered;
    Coverage coverage;
    std::vector<std::string> confinement; // what of Landlock, seccomp held; empty: none, and the report says so
    std::string started, ended;
};

struct TriageOptions {
    unsigned threads = 0; // 0: one per core; the output is the same for any number
    std::span<const Analyzer* const> analyzers = kanshiki::analyzers();
    VolumeOptions volumes = {};
};

// The source must outlive nothing: all that is kept is in the result. Throws Error{source_lost, interrupted, refused}.
TriageResult run_triage(BlockSource& source, const TriageOptions& options, Events& events, std::stop_token stop);

// One line per report in analyze/report/reports.cpp.
struct Report {
    std::string_view name;
    std::string_view file; // in the output folder: "findings.jsonl", "report.html", "bodyfile", "timeline.jsonl" …
    void (*write)(const TriageResult& result, std::ostream& out);
};
std::span<const Report> reports();

// Every report of the table into an existing folder: durable, mode 0400, replacing what is there. Error{destination}.
void write_reports(const TriageResult& result, const std::filesystem::path& folder);

} // namespace kanshiki
