#include "analyze/format/authorized_keys.h"

#include "kanshiki/digest.h"

#include <algorithm>

namespace kanshiki::format {

namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr size_t most_options = 64;
constexpr size_t longest_key = 64 << 10; // base64; RSA with 16,384 bits takes 3 KiB

std::string base64(std::span<const std::byte> bytes) { // without padding, as fingerprints are written
    std::string text;
    uint32_t bits = 0;
    int held = 0;
    for (const std::byte byte : bytes) {
        bits = bits << 8 | std::to_integer<uint32_t>(byte);
        for (held += 8; held >= 6; held -= 6) text += alphabet[bits >> (held - 6) & 63];
    }
    if (held > 0) text += alphabet[bits << (6 - held) & 63];
    return text;
}

std::optional<std::vector<std::byte>> from_base64(std::string_view text) {
    while (text.ends_with('=')) text.remove_suffix(1);
    std::vector<std::byte> bytes;
    bytes.reserve(text.size() * 3 / 4);
    uint32_t bits = 0;
    int held = 0;
    for (const char c : text) {
        const size_t value = alphabet.find(c);
        if (value == alphabet.npos) return std::nullopt;
        bits = bits << 6 | static_cast<uint32_t>(value);
        if ((held += 6) >= 8) bytes.push_back(std::byte(bits >> (held -= 8) & 255));
    }
    return bytes;
}

// RFC 4253 section 6.6: the blob begins with its own type as a string of 32-bit length. That the two agree is what
// tells a key from two words of an option or comment.
bool is_key(std::string_view type, std::span<const std::byte> blob) {
    if (type.empty() || blob.size() < 4 + type.size()) return false;
    uint32_t size = 0;
    for (size_t i = 0; i < 4; ++i) size = size << 8 | std::to_integer<uint32_t>(blob[i]);
    return size == type.size() && std::equal(type.begin(), type.end(), blob.begin() + 4,
                                             [](char a, std::byte b) { return std::byte(a) == b; });
}

bool take_key(std::string_view text, AuthorizedKey& key) {
    const std::string_view type = take_word(text), encoded = take_word(text);
    if (encoded.size() > longest_key) return false;
    const auto blob = from_base64(encoded);
    if (!blob || !is_key(type, *blob)) return false;
    key.type = type;
    key.fingerprint = "SHA256:" + base64(sha256(*blob));
    key.comment = trim(text);
    return true;
}

// Up to the first blank outside quotes; \" does not end a quote. Returns what follows.
std::string_view take_options(std::string_view text, std::vector<AuthorizedKey::Option>& options) {
    std::string name, value;
    bool quoted = false, in_value = false;
    const auto close = [&] {
        if (!name.empty() && options.size() < most_options) options.push_back({lower(name), value});
        name.clear();
        value.clear();
        in_value = false;
    };
    size_t at = 0;
    for (; at < text.size(); ++at) {
        const char c = text[at];
        if (quoted && c == '\\' && at + 1 < text.size() && text[at + 1] == '"') {
            value += '"';
            ++at;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && is_blank(c)) {
            break;
        } else if (!quoted && c == ',') {
            close();
        } else if (!quoted && c == '=' && !in_value) {
            in_value = true;
        } else {
            (in_value ? value : name) += c;
        }
    }
    close();
    return text.substr(at);
}

} // namespace

const std::string* AuthorizedKey::option(std::string_view name) const {
    for (const Option& option : options)
        if (option.name == name) return &option.value;
    return nullptr;
}

Parsed<AuthorizedKey> parse_authorized_keys(std::string_view text) {
    Parsed<AuthorizedKey> result;
    for_each_line(text, [&](const Line& line) {
        const std::string_view rest = trim(line.text);
        if (rest.empty() || rest.front() == '#') return;
        AuthorizedKey key;
        key.at = Spot(line);
        // sshd tries the line as a key first and only then takes its beginning for options.
        if (!take_key(rest, key) && !take_key(take_options(rest, key.options), key))
            result.unparsed.add(line, "authorized_keys line without a key that sshd could use");
        else
            result.entries.push_back(std::move(key));
    });
    return result;
}

} // namespace kanshiki::format
