#include "analyze/filesystem/btrfs/checksum.h"

#include "acquire/block/xxh64.h"
#include "analyze/filesystem/btrfs/blake2b.h"
#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/crc32c.h"

#include <algorithm>

namespace kanshiki::btrfs {

bool known(ChecksumType type) { return static_cast<uint16_t>(type) <= static_cast<uint16_t>(ChecksumType::blake2b); }

const char* name(ChecksumType type) {
    switch (type) {
    case ChecksumType::crc32c:
        return "crc32c";
    case ChecksumType::xxhash64:
        return "xxhash64";
    case ChecksumType::sha256:
        return "sha256";
    case ChecksumType::blake2b:
        return "blake2b";
    }
    return "unknown";
}

size_t checksum_size(ChecksumType type) {
    switch (type) {
    case ChecksumType::crc32c:
        return 4;
    case ChecksumType::xxhash64:
        return 8;
    default:
        return 32;
    }
}

bool checksum_holds(ChecksumType type, std::span<const std::byte> bytes, std::span<const std::byte> stored) {
    const auto equal = [&](const Digest& digest) {
        return stored.size() >= digest.size() && std::ranges::equal(digest, stored.first(digest.size()));
    };
    switch (type) {
    case ChecksumType::crc32c:
        return le32(stored, 0) == ~crc32c(~0u, bytes);
    case ChecksumType::xxhash64:
        return le64(stored, 0) == xxh64(bytes);
    case ChecksumType::sha256:
        return equal(kanshiki::sha256(bytes));
    case ChecksumType::blake2b:
        return equal(blake2b_256(bytes));
    }
    return false;
}

} // namespace kanshiki::btrfs
