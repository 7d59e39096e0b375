#pragma once
// Bytes from outside, made safe for where they go. One scheme everywhere, and lossless: a byte that may not stand as it
// is becomes \xNN, a backslash becomes \\ ; so the original bytes can be told from the text.

#include <string>
#include <string_view>

namespace kanshiki {

// One line for a terminal or a text report: valid UTF-8 stays; control characters (C0, DEL, C1), bidirectional
// overrides and marks, zero-width and line separators, and bytes that are no UTF-8 become \xNN.
std::string escape_terminal(std::string_view bytes);

// Text for JSON: valid UTF-8 stays (the JSON writer escapes controls), other bytes become \xNN.
std::string to_utf8_lossless(std::string_view bytes);

// For HTML text and quoted attributes: escape_terminal, then & < > " ' as entities.
std::string escape_html(std::string_view bytes);

} // namespace kanshiki
