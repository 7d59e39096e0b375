#include "analyze/format/ld_preload.h"
#include "analyze/format/unit_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace kanshiki::format;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const auto& setting : parse_unit_file(text).entries) {
        if (setting.at.offset >= size) __builtin_trap();
        without_exec_prefix(setting.value);
    }
    for (const auto& library : parse_ld_preload(text).entries)
        if (library.path.empty()) __builtin_trap();
    return 0;
}
