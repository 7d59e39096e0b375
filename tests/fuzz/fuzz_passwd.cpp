#include "analyze/format/crypt_hash.h"
#include "analyze/format/passwd.h"
#include "analyze/format/shadow.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace kanshiki::format;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const auto& entry : parse_passwd(text).entries)
        if (entry.at.offset >= size || entry.at.text.size() > Spot::excerpt_limit) __builtin_trap();
    for (const auto& entry : parse_shadow(text).entries) {
        if (digest_begin(entry.password) > entry.password.size()) __builtin_trap();
        classify_hash(entry.password);
    }
    classify_hash(text);
    return 0;
}
