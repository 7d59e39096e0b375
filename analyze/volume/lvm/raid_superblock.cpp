#include "analyze/volume/lvm/raid_superblock.h"

#include "analyze/filesystem/bytes.h"

#include <algorithm>
#include <cstring>

namespace kanshiki::lvm {
namespace {

struct Superblock {
    uint32_t position = 0;
    uint64_t events = 0, failed = 0, recovered = 0;
};

std::optional<Superblock> parse(const std::optional<std::vector<std::byte>>& bytes) {
    if (!bytes || bytes->size() < raid_superblock_size || std::memcmp(bytes->data(), "DmRd", 4) != 0) return {};
    return Superblock{le32(*bytes, 12), le64(*bytes, 16), le64(*bytes, 24), le64(*bytes, 32)};
}

} // namespace

std::optional<std::vector<bool>> current_images(std::span<const std::optional<std::vector<std::byte>>> superblocks) {
    std::vector<std::optional<Superblock>> parsed;
    const Superblock* newest = nullptr;
    for (const auto& each : superblocks) parsed.push_back(parse(each));
    for (const auto& each : parsed)
        if (each && (newest == nullptr || each->events > newest->events)) newest = &*each;
    if (newest == nullptr) return {};
    std::vector<bool> out;
    for (size_t index = 0; index < parsed.size(); index++) {
        const bool failed = index < 64 && (newest->failed >> index & 1) != 0;
        // One event less is a write of the superblock that was cut off, as md takes it.
        out.push_back(parsed[index] && !failed && parsed[index]->recovered == ~uint64_t{0} &&
                      newest->events - parsed[index]->events <= 1);
    }
    return out;
}

} // namespace kanshiki::lvm
