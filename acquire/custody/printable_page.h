#pragma once
// A page to print: one file, nothing loaded from elsewhere.

#include <string>

namespace kanshiki {

// title: text, escaped here; body: HTML, which follows the heading.
std::string printable_page(const std::string& title, const std::string& body);

} // namespace kanshiki
