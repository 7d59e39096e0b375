// A checksum list is refused with an Error, or is byte for byte what we would write.
#include "kanshiki/checksum_list.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        if (kanshiki::render_checksum_list(kanshiki::parse_checksum_list(text, "fuzz")) != text) std::abort();
    } catch (const kanshiki::Error&) {
    }
    return 0;
}
