// listing.jsonl: every name met, deleted ones too, with all that its inode says.

#include "analyze/report/entry_line.h"
#include "kanshiki/triage.h"

#include <ostream>

namespace kanshiki {

void write_listing(const TriageResult& result, std::ostream& out) {
    for (const ListedFile& file : result.listing) {
        JsonLine line;
        add_entry(line, file);
        const std::string text = line.finish();
        out.write(text.data(), static_cast<std::streamsize>(text.size()));
    }
}

// coverage.jsonl: what was not read, and why; an empty file means that all was.
void write_coverage(const TriageResult& result, std::ostream& out) {
    for (const NotCovered& each : result.not_covered) {
        JsonLine line;
        line.number("volume", each.volume).text("path", each.path).text("where", each.where).text("why", each.why);
        out << line.finish();
    }
}

} // namespace kanshiki
