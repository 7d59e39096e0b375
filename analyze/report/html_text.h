#pragma once
// Pieces of HTML that both parts of the report are made of. Everything from outside goes through text() or code().

#include "kanshiki/finding.h"

#include <string>

namespace kanshiki::html {

std::string text(std::string_view bytes);                                       // escaped
std::string code(std::string_view bytes);                                       // escaped, in <code>
std::string number(uint64_t value);                                             // 1,234,567
std::string size(uint64_t bytes);                                               // 4.0 GiB (4,294,967,296 bytes)
std::string count(uint64_t value, std::string_view one, std::string_view many); // "1 file", "2 files"
std::string attack_link(std::string_view id);                                   // escaped; a link when it is an id

} // namespace kanshiki::html
