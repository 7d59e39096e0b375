#include "analyze/format/utmp.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace kanshiki::format;
    const auto bytes = std::as_bytes(std::span(data, size));
    const size_t record = utmp_record_size(bytes);
    for (size_t at = 0; at + record <= size; at += record) parse_utmp(bytes.subspan(at, record));
    parse_utmp(bytes);
    return 0;
}
