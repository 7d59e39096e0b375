// What nobody owns: free blocks, by the bitmaps.

#include "analyze/filesystem/ext/ext_file_system.h"
#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki::ext {

void ExtFileSystem::free_space(const std::function<void(const Range&)>& range) {
    const Superblock& super = disk_.super();
    const uint64_t size = super.block_size, last = std::min<uint64_t>(super.blocks, disk_.reader().size() / size);
    Range pending;
    std::string wrong;
    const auto free = [&](uint64_t block, uint64_t count) {
        const Range next{info_.range.offset + block * size, count * size};
        if (pending.size != 0 && pending.end() == next.offset) {
            pending.size += next.size;
            return;
        }
        if (pending.size != 0) range(pending);
        pending = next;
    };
    for (uint64_t index = 0; index < disk_.groups() && super.first_block(index) < last; index++) {
        const uint64_t first = super.first_block(index), end = std::min(first + super.blocks_per_group, last);
        try {
            const std::vector<std::byte>& bits = disk_.block_bitmap(index);
            for (uint64_t at = first; at < end; at += super.cluster_blocks) {
                const uint64_t bit = (at - first) / super.cluster_blocks;
                if (!(std::to_integer<unsigned>(bits[static_cast<size_t>(bit / 8)]) >> bit % 8 & 1))
                    free(at, std::min<uint64_t>(super.cluster_blocks, end - at));
            }
        } catch (const Error& error) {
            if (error.code() != ExitCode::never_valid) throw;
            if (wrong.empty()) wrong = error.what();
        }
    }
    if (pending.size != 0) range(pending);
    if (!wrong.empty()) throw Error(ExitCode::never_valid, "its free space is not all known: " + wrong);
}

} // namespace kanshiki::ext
