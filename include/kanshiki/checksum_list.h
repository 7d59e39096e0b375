#pragma once
// IMAGE.sha256: lines for `sha256sum -c` (coreutils' text format, with its escapes for odd names).

#include "kanshiki/manifest.h"

namespace kanshiki {

std::string render_checksum_list(std::span<const ManifestFile> files); // those whose digest is known
Digest sha256_of_file(const std::filesystem::path& path);              // Error{destination} when it cannot be read

} // namespace kanshiki
