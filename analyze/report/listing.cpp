// listing.jsonl: every name met, deleted ones too, with all that its inode says.

#include "analyze/report/entry_line.h"
#include "kanshiki/triage.h"

#include <ostream>

namespace kanshiki {

void write_listing(const TriageResult& result, std::ostream& out) {
    std::string text;
    for (const ListedFile& file : result.listing) {
        text.clear();
        JsonLine line(text);
        add_entry(line, file);
        line.end();
        out.write(text.data(), static_cast<std::streamsize>(text.size()));
    }
}

} // namespace kanshiki
