#pragma once
// One JSON object on one line, written straight to text: listings have a million of them.

#include "kanshiki/escape.h"

#include <concepts>
#include <string>
#include <string_view>

namespace kanshiki {

class JsonLine {
public:
    // Text that may be any bytes: to_utf8_lossless, and nothing in it can leave the string or steer a terminal.
    JsonLine& text(std::string_view key, std::string_view bytes) { return raw(key, '"' + escape_json(bytes) + '"'); }
    JsonLine& number(std::string_view key, std::integral auto value) { return raw(key, std::to_string(value)); }
    JsonLine& flag(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
    JsonLine& raw(std::string_view key, std::string_view json) {
        line_ += line_.empty() ? "{\"" : ",\"";
        line_ += key;
        line_ += "\":";
        line_ += json;
        return *this;
    }
    std::string finish() { return line_.empty() ? "{}\n" : std::move(line_) + "}\n"; }

private:
    std::string line_;
};

} // namespace kanshiki
