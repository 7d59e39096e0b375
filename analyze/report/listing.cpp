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

} // namespace kanshiki
