#pragma once
// A name out of an image as the name of a file here.

#include <string>
#include <string_view>

namespace kanshiki {

// Never empty, ".", ".." or more than 200 bytes; valid UTF-8 of what is printable alone, without '/', '\' and NUL, and
// not beginning with '-'. Other bytes are written %XX, and so is '%'. Different names never give the same: one that
// would be too long ends in "%~" and its SHA-256 instead.
std::string safe_name(std::string_view name);

} // namespace kanshiki
