// A sealed custody head is exactly what was written, or refused.
#include "kanshiki/error.h"
#include "kanshiki/seal.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        const kanshiki::CustodyHead head = kanshiki::parse_custody_head(text, "fuzz");
        if (kanshiki::parse_custody_head(kanshiki::render_custody_head(head), "again").entries != head.entries)
            std::abort();
    } catch (const kanshiki::Error&) {
    }
    return 0;
}
