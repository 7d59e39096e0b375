#pragma once
// What one line of JSON says of a name and its inode: listing.jsonl, kanshiki ls --json and the record of an extraction
// say it in the same words.

#include "analyze/report/json_line.h"
#include "kanshiki/triage.h"

#include <vector>

namespace kanshiki {

void add_entry(JsonLine& line, const ListedFile& file);
// The text with escapes, and as KEY_hex the bytes themselves when they are no UTF-8.
void add_bytes(JsonLine& line, std::string_view key, const std::string& bytes);
// {"security.capability": "0100…"}: values in hexadecimal.
void add_xattrs(JsonLine& line, const std::vector<Xattr>& xattrs);

std::vector<std::string_view> attribute_names(uint32_t attributes); // "immutable", "append" …
std::string_view certainty_name(Certainty certainty);

} // namespace kanshiki
