// LVM2: the start of a physical volume, or (first byte odd) a group's metadata text and the maps made of it.

#include "analyze/volume/lvm/layout.h"
#include "analyze/volume/lvm/physical_volume.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

using namespace kanshiki;

namespace {

constexpr uint64_t present = 1 << 20; // bytes of each physical volume

void check_map(const lvm::SegmentMap& map, size_t physical) {
    uint64_t at = 0;
    for (const auto& span : map.spans) {
        if (span.offset != at || span.size == 0) std::abort();
        at += span.size;
    }
    if (at != map.size || map.missing > map.size) std::abort();
    const Range within{map.size / 3, std::min<uint64_t>(map.size - map.size / 3, 1 << 20)};
    at = within.offset;
    lvm::walk_pieces(map, within, [&](const lvm::Piece& piece) {
        if (piece.offset != at || piece.size == 0) std::abort();
        at += piece.size;
        if (piece.backing != lvm::Backing::stored) return true;
        if (piece.physical >= physical || piece.at > present || piece.size > present - piece.at) std::abort();
        return true;
    });
    if (at != within.end()) std::abort();
}

void lay_out(std::string_view text) {
    const lvm::VolumeGroup group = lvm::parse_volume_group(text);
    std::vector<std::optional<uint64_t>> sizes(group.physical.size(), present);
    if (sizes.size() > 1) sizes.back().reset();
    lvm::Layout layout(group, std::move(sizes), [](size_t, uint64_t offset, std::span<std::byte> into) {
        if (offset > present || into.size() > present - offset) std::abort();
        std::ranges::fill(into, std::byte{0});
        std::memcpy(into.data(), "DmRd", 4);
        return true;
    });
    layout.overlaps();
    for (const auto& logical : group.logical) check_map(*layout.lay_out(logical).map, group.physical.size());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
    try {
        if (data[0] % 2 != 0) {
            lay_out({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
            return 0;
        }
        volume::Disk disk;
        disk.size = bytes.size();
        disk.read = [&](uint64_t offset, std::span<std::byte> into) {
            if (offset > bytes.size() || into.size() > bytes.size() - offset) std::abort();
            std::memcpy(into.data(), bytes.data() + offset, into.size());
        };
        if (const auto physical = lvm::read_physical_volume(disk))
            for (const auto& copy : physical->copies) lay_out(copy.text);
    } catch (const Error& error) {
        if (error.code() != ExitCode::never_valid) throw;
    }
    return 0;
}
