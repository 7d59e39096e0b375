#pragma once
// Sectors of the volume as the log would leave them once it is replayed. Written once, then shared by every file system
// object over the same volume.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace kanshiki::xfs {

class Overlay {
public:
    static constexpr size_t sector = 512; // the log's own unit ("basic block")
    using Sector = std::array<std::byte, sector>;

    bool empty() const { return sectors_.empty(); }
    size_t size() const { return sectors_.size(); }
    // Writes over what was read from byte `offset` of the volume.
    void patch(uint64_t offset, std::span<std::byte> bytes) const {
        if (sectors_.empty()) return;
        each_sector(offset, bytes.size(), [&](uint64_t number, size_t inside, size_t at, size_t count) {
            const auto found = sectors_.find(number);
            if (found == sectors_.end()) return;
            const auto from = std::span(found->second).subspan(inside, count);
            std::copy(from.begin(), from.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
        });
    }
    bool touches(uint64_t offset, size_t size) const {
        bool any = false;
        if (!sectors_.empty())
            each_sector(offset, size,
                        [&](uint64_t number, size_t, size_t, size_t) { any |= sectors_.contains(number); });
        return any;
    }
    // Whole sectors.
    void set(uint64_t offset, std::span<const std::byte> bytes) {
        for (size_t at = 0; at + sector <= bytes.size(); at += sector) {
            const auto part = bytes.subspan(at, sector);
            std::copy(part.begin(), part.end(), sectors_[(offset + at) / sector].begin());
        }
    }

private:
    template<class Call>
    static void each_sector(uint64_t offset, size_t size, Call call) {
        for (size_t at = 0; at < size;) {
            const auto inside = static_cast<size_t>((offset + at) % sector);
            const size_t count = std::min(size - at, sector - inside);
            call((offset + at) / sector, inside, at, count);
            at += count;
        }
    }

    std::unordered_map<uint64_t, Sector> sectors_;
};

} // namespace kanshiki::xfs
