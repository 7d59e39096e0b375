#include "analyze/filesystem/xfs/checksum.h"

#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/crc32c.h"

#include <algorithm>

namespace kanshiki::xfs {

bool checksum_right(std::span<const std::byte> bytes, size_t at) {
    static constexpr std::array<std::byte, 4> zeros{};
    const uint32_t stored = le32(bytes, at);
    uint32_t state = crc32c(~0u, bytes.first(at));
    state = crc32c(state, zeros);
    return ~crc32c(state, bytes.subspan(at + 4)) == stored;
}

std::string contradiction(std::span<const std::byte> bytes, const Description& kind, const Superblock& super,
                          uint64_t offset, uint64_t owner) {
    std::string found;
    const auto say = [&](const std::string& what) { found += (found.empty() ? "" : ", ") + what; };
    if (!checksum_right(bytes, kind.checksum)) say("has a wrong checksum");
    if (be64(bytes, kind.place) != offset / 512)
        say("says that it belongs at byte " + std::to_string(be64(bytes, kind.place) * 512));
    if (!std::ranges::equal(bytes.subspan(kind.uuid, 16), super.metadata_uuid))
        say("carries another file system's UUID");
    const uint64_t said = kind.owner_size == 4 ? be32(bytes, kind.owner) : be64(bytes, kind.owner);
    if (said != owner) say("says that its owner is " + std::to_string(said));
    return found;
}

} // namespace kanshiki::xfs
