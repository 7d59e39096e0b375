#include "analyze/format/authorized_keys.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const auto& key : kanshiki::format::parse_authorized_keys(text).entries)
        if (key.fingerprint.size() != 50 || key.at.offset >= size) __builtin_trap(); // "SHA256:" and 43 characters
    return 0;
}
