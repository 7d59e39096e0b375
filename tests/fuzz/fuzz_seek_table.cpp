// A seek table from outside: parsed, its frames must lie inside the file.
#include "acquire/evidence/zst_table.h"
#include "kanshiki/error.h"

#include <cstdlib>

using namespace kanshiki;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    if (size < 9) return 0;
    const uint64_t table = seek_table_size(bytes.last(9));
    if (table == 0 || table > size) return 0;
    try {
        for (const ZstFrame& frame : parse_seek_table(bytes.last(table), size, "fuzz"))
            if (frame.offset + frame.stored > size - table || frame.content > largest_zst_frame) std::abort();
    } catch (const Error&) {
    }
    return 0;
}
