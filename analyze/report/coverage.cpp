// coverage.jsonl: what could not be read, and why; then what became of every byte and every name. Its format:
// docs/formats/coverage.md

#include "analyze/report/json_line.h"
#include "kanshiki/triage.h"

#include <ostream>

namespace kanshiki {
namespace {

void add_class(JsonLine& line, const CoverageClass& of) {
    line.number("volume", of.volume).text("treated", treated_name(of.treated)).text("what", of.what);
    line.text("why", of.why);
}

void write_sums(const char* kind, const char* unit, const std::vector<CoverageSum>& sums, std::ostream& out) {
    for (const CoverageSum& each : sums) {
        JsonLine line;
        line.text("kind", kind);
        add_class(line, each.of);
        out << line.number(unit, each.amount).finish();
    }
}

} // namespace

void write_coverage(const TriageResult& result, std::ostream& out) {
    for (const NotCovered& each : result.not_covered) {
        JsonLine line;
        line.text("kind", "gap").number("volume", each.volume).text("path", each.path).text("where", each.where);
        out << line.text("why", each.why).finish();
    }
    write_sums("names", "names", result.coverage.files, out);
    write_sums("bytes", "bytes", result.coverage.bytes, out);
    for (const CoveredRange& each : result.coverage.ranges) {
        JsonLine line;
        line.text("kind", "range").number("offset", each.range.offset).number("size", each.range.size);
        add_class(line, result.coverage.classes[each.of]);
        out << line.finish();
    }
}

} // namespace kanshiki
