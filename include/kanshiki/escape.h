#pragma once
// Bytes from outside (file names, far sides' messages, log lines) on their way to a person or a document. Every output
// is valid UTF-8 on one line, and nothing in it can steer a terminal, reorder what is read or hide.

#include <optional>
#include <string>
#include <string_view>

namespace kanshiki {

// For a terminal or a log line: control characters (newline and tab among them), ESC, C1, bidirectional overrides,
// invisible characters and invalid UTF-8 become \xNN, byte by byte. Anything else stays. Not reversible.
std::string escape_terminal(std::string_view bytes);

// As escape_terminal, and & < > " ' as entities: fit for element content and for quoted attributes.
std::string escape_html(std::string_view bytes);

// Reversible: invalid bytes become \xNN and a backslash is doubled; valid UTF-8 stays, control characters too.
std::string to_utf8_lossless(std::string_view bytes);
// The bytes again; nothing when `text` is not what to_utf8_lossless writes.
std::optional<std::string> from_utf8_lossless(std::string_view text);

// The inside of a JSON string that holds to_utf8_lossless(bytes); what escape_terminal would escape is written \uNNNN,
// so the file can also be shown on a terminal.
std::string escape_json(std::string_view bytes);

// ASCII of which nothing has to be escaped anywhere: no control characters, no quotation mark, no backslash.
bool is_plain(std::string_view bytes);
bool is_utf8(std::string_view bytes); // RFC 3629: no surrogates, no overlong forms, nothing beyond U+10FFFF

} // namespace kanshiki
