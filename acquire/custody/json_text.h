#pragma once
// JSON from outside: checked before anything is built from it.

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

namespace kanshiki {

struct JsonLimits {
    size_t depth = 32;
    size_t values = 1'000'000;
    size_t keys = 4096; // of one object
};

// Strict JSON (RFC 8259): no duplicate keys, no NUL bytes, valid UTF-8, nothing behind it, within the limits; numbers
// without fraction or exponent that fit 64 bits are kept exactly. Without recursion, and one pass before any memory is
// spent on it. Returns what is wrong, with the byte where, or nothing when `out` holds the value.
std::string parse_json(std::string_view text, const JsonLimits& limits, nlohmann::ordered_json& out);

// What a line of text must be before it may stand in JSON; invalid UTF-8 becomes \xNN.
nlohmann::ordered_json json_string(std::string_view bytes);

// Two spaces an indent; containers of scalars that fit a line stand on one. Ends with a newline.
std::string pretty(const nlohmann::ordered_json& value);

} // namespace kanshiki
