#pragma once
// What an E01 says of itself, as its source's identity gives it.

#include <string_view>

namespace kanshiki {

inline constexpr std::string_view stored_md5 = "stored md5", stored_sha1 = "stored sha1";

} // namespace kanshiki
