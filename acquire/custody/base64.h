#pragma once
// RFC 4648, section 4, on one line.

#include <optional>
#include <string>
#include <string_view>

namespace kanshiki {

std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text); // nothing when it is not exactly what to_base64 writes

} // namespace kanshiki
