// A mapfile from outside is refused with an Error, or its rows are contiguous from 0.
#include "kanshiki/error.h"
#include "kanshiki/mapfile.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    try {
        uint64_t at = 0;
        for (const kanshiki::MapRow& row :
             kanshiki::parse_mapfile({reinterpret_cast<const char*>(data), size}, "fuzz")) {
            if (row.range.offset != at || row.range.end() < at) std::abort();
            at = row.range.end();
        }
    } catch (const kanshiki::Error&) {
    }
    return 0;
}
