#pragma once
// IMAGE.sha256: lines for `sha256sum -c` (coreutils' text format, with its escapes for odd names;
// docs/formats/manifest.md).

#include "kanshiki/manifest.h"

namespace kanshiki {

std::string render_checksum_list(std::span<const ManifestFile> files); // those whose digest is known

// Names (the bytes themselves) and digests, of exactly the text that render_checksum_list writes, so that a changed
// byte is seen. Throws Error{never_valid} with the line.
std::vector<ManifestFile> parse_checksum_list(std::string_view text, std::string_view name);

// A file's own SHA-256. Error{code} when it cannot be read, is no regular file, or changes its size meanwhile.
Digest sha256_of_file(const std::filesystem::path& path, ExitCode code = ExitCode::destination);

} // namespace kanshiki
