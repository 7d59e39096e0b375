#pragma once
// What the selftest judges by: OpenSSL's digests and plain reads, none of the code that is under test.

#include "kanshiki/digest.h"

#include <filesystem>

namespace kanshiki::selftest {

std::string digest_of(std::string_view algorithm, std::span<const std::byte> bytes); // OpenSSL's; lower-case hex
std::vector<std::byte> bytes_of(const std::filesystem::path& file);                  // the whole file
std::string text_of(const std::filesystem::path& file);
// Another byte at `offset` of the file, which may be read-only.
void change_byte(const std::filesystem::path& file, uint64_t offset);
// The 32-byte digests of the pieces, one after the other, as IMAGE.chunks has them.
std::vector<std::byte> leaves_of(std::span<const std::byte> bytes, uint64_t piece);
std::string root_of(std::span<const std::byte> leaves); // RFC 9162, 2.1.1, as it is written there

} // namespace kanshiki::selftest
