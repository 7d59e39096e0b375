#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/crc32c.h"
#include "analyze/filesystem/ext/block_map.h"

#include <unordered_set>

namespace kanshiki::ext {
namespace {

constexpr uint16_t magic = 0xf30a;
constexpr size_t header_size = 12, entry_size = 12;
constexpr unsigned deepest = 5; // "The extent tree … may be at most 5 levels deep"
constexpr size_t most_runs = size_t{4} << 20;

class Walk {
public:
    Walk(const Geometry& geometry, const ReadBlock& read) : geometry_(geometry), read_(read) {}

    // where: for messages. depth: what the node above demands; nothing for the root.
    void node(std::span<const std::byte> bytes, std::optional<unsigned> depth, const std::string& where) {
        const unsigned entries = le16(bytes, 2), found_depth = le16(bytes, 6);
        if (le16(bytes, 0) != magic) fail(where, "has no magic 0xF30A");
        if (found_depth > deepest || (depth && *depth != found_depth))
            fail(where, "says depth " + std::to_string(found_depth));
        if (entries > (bytes.size() - header_size) / entry_size)
            fail(where, "says " + std::to_string(entries) + " entries");
        for (unsigned index = 0; index < entries; index++) {
            const auto entry = bytes.subspan(header_size + index * entry_size, entry_size);
            if (found_depth == 0)
                leaf(entry, where);
            else
                descend(entry, found_depth - 1);
        }
    }

    std::vector<BlockRun> take() { return std::move(runs_); }

private:
    [[noreturn]] static void fail(const std::string& where, const std::string& what) {
        throw Error(ExitCode::never_valid, "extent tree: " + where + " " + what);
    }

    void descend(std::span<const std::byte> entry, unsigned depth) {
        const uint64_t block = le32(entry, 4) | uint64_t{le16(entry, 8)} << 32;
        const std::string where = "block " + std::to_string(block);
        if (block == 0 || block >= geometry_.blocks) fail(where, "lies beyond the file system");
        if (!seen_.insert(block).second) fail(where, "is used twice");
        std::vector<std::byte> bytes(geometry_.block_size);
        read_(block, bytes);
        node(bytes, depth, where);
    }

    void leaf(std::span<const std::byte> entry, const std::string& where) {
        BlockRun run;
        run.logical = le32(entry, 0);
        run.count = le16(entry, 4);
        if (run.count > 32768) { // "If the value of this field is > 32768, the extent is uninitialized"
            run.count -= 32768;
            run.unwritten = true;
        }
        run.physical = le32(entry, 8) | uint64_t{le16(entry, 6)} << 32;
        if (run.count == 0) fail(where, "has an extent of no blocks");
        if (run.physical == 0 || run.physical >= geometry_.blocks || run.count > geometry_.blocks - run.physical)
            fail(where, "has an extent beyond the file system, at block " + std::to_string(run.physical));
        if (!runs_.empty()) {
            BlockRun& last = runs_.back();
            if (run.logical < last.logical + last.count) fail(where, "has extents out of order");
            if (run.logical == last.logical + last.count && run.physical == last.physical + last.count &&
                run.unwritten == last.unwritten) {
                last.count += run.count;
                return;
            }
        }
        if (runs_.size() == most_runs) fail(where, "has more than 4 Mi extents");
        runs_.push_back(run);
    }

    const Geometry& geometry_;
    const ReadBlock& read_;
    std::vector<BlockRun> runs_;
    std::unordered_set<uint64_t> seen_;
};

} // namespace

std::vector<BlockRun> walk_extents(std::span<const std::byte> root, const Geometry& geometry, const ReadBlock& read) {
    Walk walk(geometry, read);
    walk.node(root, std::nullopt, "the inode");
    return walk.take();
}

// It stands behind the last entry that would fit.
bool extent_checksum_right(std::span<const std::byte> node, uint32_t seed) {
    const size_t at = header_size + size_t{le16(node, 4)} * entry_size;
    return at + 4 <= node.size() && crc32c(seed, node.first(at)) == le32(node, at);
}

} // namespace kanshiki::ext
