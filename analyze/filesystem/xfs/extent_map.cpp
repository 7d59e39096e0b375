#include "analyze/filesystem/xfs/extent_map.h"

#include "analyze/filesystem/bytes.h"

#include <algorithm>
#include <unordered_set>

namespace kanshiki::xfs {
namespace {

constexpr uint32_t magic_v4 = 0x424d4150, magic_v5 = 0x424d4133; // "BMAP", "BMA3"
constexpr size_t root_header = 4, header_v4 = 24, header_v5 = 72;
constexpr unsigned deepest = 12; // 2^48 extents at the smallest fan-out take fewer
constexpr size_t most_extents = size_t{8} << 20;

class Walk {
public:
    Walk(const Inode& inode, Metadata& metadata, size_t most_blocks)
        : inode_(inode), metadata_(metadata), most_blocks_(most_blocks) {}

    void records(std::span<const std::byte> bytes, uint64_t count, const std::string& where) {
        if (count > bytes.size() / extent_record_size)
            fail(where + " says " + std::to_string(count) + " extents, more than fit");
        if (extents_.size() + count > most_extents) fail("it has more than 8 Mi extents");
        for (uint64_t index = 0; index < count; index++) {
            const Extent extent = parse_extent(bytes.subspan(index * extent_record_size));
            if (!possible(extent, metadata_.super))
                fail(where + " has an extent beyond the file system: " + std::to_string(extent.count) +
                     " blocks at block " + std::to_string(extent.block));
            if (!extents_.empty() && extent.logical < extents_.back().end()) fail(where + " has extents out of order");
            extents_.push_back(extent);
        }
    }

    // "bmdr": the root in the inode is a node without the header that names it.
    void root(std::span<const std::byte> area) {
        if (area.size() < root_header) fail("no room for the root of its extent tree");
        const unsigned level = be16(area, 0), count = be16(area, 2);
        if (level == 0 || level > deepest) fail("the root of its extent tree says level " + std::to_string(level));
        children(area.subspan(root_header), count, level, "the root of its extent tree");
    }

    std::vector<Extent> take() { return std::move(extents_); }

private:
    [[noreturn]] void fail(const std::string& what) const {
        damaged("inode " + std::to_string(inode_.number) + ": " + what);
    }

    // Keys first, then as many pointers; the room is for as many of each as fit.
    void children(std::span<const std::byte> body, unsigned count, unsigned level, const std::string& where) {
        const size_t room = body.size() / 16;
        if (count > room) fail(where + " says " + std::to_string(count) + " children, more than fit");
        for (unsigned index = 0; index < count; index++) node(be64(body, room * 8 + index * 8), level - 1);
    }

    void node(uint64_t block, unsigned level) {
        const std::string where = "extent tree block " + std::to_string(block);
        const auto offset = metadata_.super.block_offset(block);
        if (!offset) fail(where + " lies beyond the file system");
        if (!seen_.insert(block).second) fail(where + " is used twice");
        if (seen_.size() > most_blocks_)
            fail("its extent tree has more than " + std::to_string(most_blocks_) + " blocks");
        std::vector<std::byte> bytes(metadata_.super.block_size);
        metadata_.read(*offset, bytes);
        const bool v5 = metadata_.super.checksums();
        if (be32(bytes, 0) != (v5 ? magic_v5 : magic_v4)) fail(where + " has no magic");
        if (be16(bytes, 4) != level)
            fail(where + " says level " + std::to_string(be16(bytes, 4)) + ", its parent " + std::to_string(level));
        metadata_.check(bytes, long_tree_block, *offset, inode_.number);
        const auto body = std::span<const std::byte>(bytes).subspan(v5 ? header_v5 : header_v4);
        const unsigned count = be16(bytes, 6);
        if (level == 0)
            records(body, count, where);
        else
            children(body, count, level, where);
    }

    const Inode& inode_;
    Metadata& metadata_;
    const size_t most_blocks_;
    std::vector<Extent> extents_;
    std::unordered_set<uint64_t> seen_;
};

} // namespace

Extent parse_extent(std::span<const std::byte> record) {
    const uint64_t high = be64(record, 0), low = be64(record, 8);
    return {high << 1 >> 10, (high & 0x1ff) << 43 | low >> 21, low & 0x1fffff, (high >> 63) != 0};
}

bool possible(const Extent& extent, const Superblock& super) {
    return extent.count != 0 && extent.logical + extent.count <= uint64_t{1} << 54 &&
           super.block_offset(extent.block, extent.count).has_value();
}

std::vector<Extent> read_extents(const Inode& inode, const Fork& fork, Metadata& metadata, size_t most_blocks) {
    Walk walk(inode, metadata, most_blocks);
    if (fork.format == Format::extents)
        walk.records(inode.area(fork), fork.extents, "its list of extents");
    else if (fork.format == Format::tree)
        walk.root(inode.area(fork));
    std::vector<Extent> found = walk.take();
    if (fork.format == Format::tree && fork.counted && found.size() != fork.extents)
        metadata.warn("XFS inode " + std::to_string(inode.number) + ": counts " + std::to_string(fork.extents) +
                      " extents, its tree has " + std::to_string(found.size()));
    return found;
}

void refuse_overlap(const std::vector<Extent>& extents, const Inode& inode) {
    std::vector<std::pair<uint64_t, uint64_t>> runs;
    runs.reserve(extents.size());
    for (const Extent& each : extents) runs.emplace_back(each.block, each.count);
    std::ranges::sort(runs);
    for (size_t index = 1; index < runs.size(); index++)
        if (runs[index].first - runs[index - 1].first < runs[index - 1].second)
            damaged("inode " + std::to_string(inode.number) + ": block " + std::to_string(runs[index].first) +
                    " is in it twice");
}

} // namespace kanshiki::xfs
