#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/ext/block_map.h"

#include <unordered_set>

namespace kanshiki::ext {
namespace {

constexpr size_t direct_pointers = 12, most_runs = size_t{4} << 20;

class Walk {
public:
    Walk(uint64_t size, const Geometry& geometry, const ReadBlock& read)
        : geometry_(geometry), read_(read), end_(size / geometry.block_size + (size % geometry.block_size != 0)) {}

    // One pointer to a tree of `levels` levels of pointer blocks (0: a data block) that covers `span` blocks.
    void pointer(uint64_t block, unsigned levels, uint64_t span) {
        if (logical_ >= end_) return;
        if (block == 0) { // a hole
            logical_ += span;
            return;
        }
        if (block >= geometry_.blocks) fail(block, "lies beyond the file system");
        if (levels == 0) return data(block);
        if (!seen_.insert(block).second) fail(block, "is used twice");
        const size_t count = geometry_.block_size / 4;
        std::vector<std::byte> bytes(geometry_.block_size);
        read_(block, bytes);
        for (size_t index = 0; index < count; index++) pointer(le32(bytes, index * 4), levels - 1, span / count);
    }

    std::vector<BlockRun> take() { return std::move(runs_); }

private:
    [[noreturn]] static void fail(uint64_t block, const std::string& what) {
        throw Error(ExitCode::never_valid, "block map: block " + std::to_string(block) + " " + what);
    }

    void data(uint64_t block) {
        const uint64_t at = logical_++;
        if (!runs_.empty()) {
            BlockRun& last = runs_.back();
            if (at == last.logical + last.count && block == last.physical + last.count) {
                last.count++;
                return;
            }
        }
        if (runs_.size() == most_runs) fail(block, "is past 4 Mi runs");
        runs_.push_back({at, block, 1, false});
    }

    const Geometry& geometry_;
    const ReadBlock& read_;
    const uint64_t end_; // in blocks
    uint64_t logical_ = 0;
    std::vector<BlockRun> runs_;
    std::unordered_set<uint64_t> seen_;
};

} // namespace

std::vector<BlockRun> walk_indirect(std::span<const std::byte> root, uint64_t size, const Geometry& geometry,
                                    const ReadBlock& read) {
    Walk walk(size, geometry, read);
    for (size_t index = 0; index < direct_pointers; index++) walk.pointer(le32(root, index * 4), 0, 1);
    uint64_t span = 1;
    for (unsigned levels = 1; levels <= 3; levels++) {
        span *= geometry.block_size / 4;
        walk.pointer(le32(root, (direct_pointers + levels - 1) * 4), levels, span);
    }
    return walk.take();
}

} // namespace kanshiki::ext
