// The inode, its extent tree and its block map: bytes 0..255 are an inode, the rest is the file system's blocks.

#include "analyze/filesystem/ext/block_map.h"
#include "analyze/filesystem/ext/inode.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

using namespace kanshiki;

namespace {

constexpr uint32_t block_size = 1024;

void check(const std::vector<ext::BlockRun>& runs, uint64_t blocks) {
    uint64_t next = 0;
    for (const ext::BlockRun& run : runs) {
        if (run.count == 0 || run.logical < next || run.physical + run.count > blocks) std::abort();
        next = run.logical + run.count;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    if (size < 256) return 0;
    const auto rest = bytes.subspan(256);
    const ext::Geometry geometry{block_size, rest.size() / block_size + 1};
    const ext::Inode inode = ext::parse_inode(bytes.first(256));
    const auto read = [&](uint64_t block, std::span<std::byte> into) {
        std::ranges::fill(into, std::byte{0});
        const uint64_t at = block * block_size;
        if (at < rest.size())
            std::memcpy(into.data(), rest.data() + at, std::min<size_t>(into.size(), rest.size() - at));
    };
    try {
        check(ext::walk_extents(inode.block, geometry, read), geometry.blocks);
    } catch (const Error&) {
    }
    try {
        check(ext::walk_indirect(inode.block, inode.info.size, geometry, read), geometry.blocks);
    } catch (const Error&) {
    }
    return 0;
}
