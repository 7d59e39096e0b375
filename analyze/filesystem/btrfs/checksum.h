#pragma once
// The checksums of a Btrfs ("csum_type" of the superblock), over nodes and over sectors of data.

#include "kanshiki/digest.h"

namespace kanshiki::btrfs {

enum class ChecksumType : uint16_t { crc32c = 0, xxhash64 = 1, sha256 = 2, blake2b = 3 };

constexpr size_t largest_checksum = 32;

bool known(ChecksumType type);
const char* name(ChecksumType type);
size_t checksum_size(ChecksumType type); // of a known one

// Whether `stored` begins with the checksum of `bytes`. type must be known, `stored` long enough.
bool checksum_holds(ChecksumType type, std::span<const std::byte> bytes, std::span<const std::byte> stored);

} // namespace kanshiki::btrfs
