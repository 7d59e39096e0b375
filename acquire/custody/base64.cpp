#include "acquire/custody/base64.h"

#include <openssl/evp.h>

namespace kanshiki {

namespace {
const unsigned char* raw(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
unsigned char* raw(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }
} // namespace

std::string to_base64(std::string_view bytes) {
    std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0'); // OpenSSL ends it with a NUL
    out.resize(static_cast<size_t>(EVP_EncodeBlock(raw(out), raw(bytes), static_cast<int>(bytes.size()))));
    return out;
}

std::optional<std::string> from_base64(std::string_view text) {
    std::string out(text.size() / 4 * 3, '\0');
    const int size = EVP_DecodeBlock(raw(out), raw(text), static_cast<int>(text.size()));
    if (size < 0) return {};
    const size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
    out.resize(static_cast<size_t>(size) - std::min(padding, static_cast<size_t>(size)));
    if (to_base64(out) != text) return {};
    return out;
}

} // namespace kanshiki
