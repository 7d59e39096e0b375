// What nobody owns: what of the chunks the extent tree does not name, and what of the device is in no chunk.

#include "analyze/filesystem/btrfs/btrfs_file_system.h"
#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki::btrfs {
namespace {

constexpr uint64_t boot_area = 1 << 20, superblock_area = 64 << 10; // kept for boot loaders; and for each superblock
constexpr uint64_t most_pieces = 64 << 20;

void sort_and_merge(std::vector<Range>& ranges) {
    std::ranges::sort(ranges, {}, &Range::offset);
    std::vector<Range> merged;
    for (const Range& each : ranges) {
        if (!merged.empty() && each.offset <= merged.back().end())
            merged.back().size = std::max(merged.back().end(), each.end()) - merged.back().offset;
        else
            merged.push_back(each);
    }
    ranges = std::move(merged);
}

// What of `whole` is in none of `parts`, which are ascending and disjoint.
void complement(const Range& whole, const std::vector<Range>& parts, const std::function<void(const Range&)>& give) {
    uint64_t at = whole.offset;
    const auto first = std::ranges::upper_bound(parts, whole.offset, {}, [](const Range& each) { return each.end(); });
    for (auto part = first; part != parts.end() && part->offset < whole.end(); ++part) {
        if (part->offset > at) give({at, part->offset - at});
        at = std::max(at, part->end());
    }
    if (at < whole.end()) give({at, whole.end() - at});
}

} // namespace

// Extents that exist, in logical addresses.
std::vector<Range> BtrfsFileSystem::taken() {
    std::vector<Range> out;
    const Subvolume extents = commits_.subvolume(0, id::extent_tree);
    trees_.scan(extents.tree, {}, {last_offset, 255, last_offset}, [&](const Item& item) {
        if (item.key.type != type::extent_item && item.key.type != type::metadata_item) return true;
        const uint64_t size = item.key.type == type::metadata_item ? super_.node_size : item.key.offset;
        if (size == 0 || size > last_offset - item.key.objectid) return true;
        if (!out.empty() && item.key.objectid >= out.back().offset && item.key.objectid <= out.back().end())
            out.back().size = std::max(out.back().end(), item.key.objectid + size) - out.back().offset;
        else
            out.push_back({item.key.objectid, size});
        return true;
    });
    return out;
}

void BtrfsFileSystem::free_space(const std::function<void(const Range&)>& range) {
    const Range device{0, info_.range.size};
    std::vector<Range> reserved{{0, boot_area}};
    for (const uint64_t place : superblock_places) reserved.push_back({place, superblock_area});
    std::vector<Range> owned = chunks_.on_this_device();
    std::ranges::copy(reserved, std::back_inserter(owned));
    sort_and_merge(owned);
    sort_and_merge(reserved);
    std::vector<Range> free;
    complement(device, owned, [&](const Range& each) { free.push_back(each); });

    uint64_t pieces = 0;
    const auto add = [&](const Range& logical) { // where it lies, in each copy
        for (uint64_t done = 0; done < logical.size;) {
            if (++pieces > most_pieces) throw Error(ExitCode::never_valid, "btrfs: its chunks are in too many pieces");
            const Place place = chunks_.place(logical.offset + done, logical.size - done);
            for (const uint64_t offset : place.copies) {
                if (offset >= device.size) continue;
                complement({offset, std::min(place.size, device.size - offset)}, reserved,
                           [&](const Range& each) { free.push_back(each); });
            }
            done += place.size;
        }
    };
    const std::vector<Range> used = taken();
    for (const Range& chunk : chunks_.chunks()) complement(chunk, used, add);
    sort_and_merge(free);
    for (const Range& each : free) range({info_.range.offset + each.offset, each.size});
}

} // namespace kanshiki::btrfs
