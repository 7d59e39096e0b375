#include "analyze/format/gunzip.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::string_view bytes(reinterpret_cast<const char*>(data), size);
    uint64_t got = 0;
    const auto done = kanshiki::format::gunzip(
        [&] {
            const auto next = bytes.substr(0, 100);
            bytes.remove_prefix(next.size());
            return next;
        },
        1 << 20, [&](std::string_view part) { got += part.size(); });
    if (got > 1 << 20 || got != done.size || done.complete != done.why.empty()) __builtin_trap();
    return 0;
}
