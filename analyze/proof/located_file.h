#pragma once
// A file by volume and path: what a file-system reader says of it.

#include "kanshiki/block_source.h"
#include "kanshiki/proof.h"

#include <functional>
#include <stop_token>

namespace kanshiki {

// Where the file lies and what is in it; `content` gets its bytes in order. volume: its number or name; empty: the one
// volume that has the path. Throws Error{usage}: no such file, or in several volumes; Error{never_valid}: what cannot
// be read of it.
ProvenFile locate_file(BlockSource& source, const std::string& volume, const std::string& path,
                       const std::function<void(std::span<const std::byte>)>& content, std::stop_token stop);

// SHA-256 of what the extents alone give: zeros where there is none. `content` gets the bytes too.
using ReadImage = std::function<void(uint64_t offset, std::span<std::byte> into)>;
Digest digest_of_extents(const ProvenFile& file, const ReadImage& read,
                         const std::function<void(std::span<const std::byte>)>& content = {});

} // namespace kanshiki
