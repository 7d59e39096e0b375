#include "analyze/filesystem/ext/ext_file_system.h"
#include "kanshiki/error.h"

namespace kanshiki::ext {
namespace {

std::optional<Superblock> superblock_at(VolumeReader& reader, uint64_t offset) {
    if (reader.size() < offset || reader.size() - offset < superblock_size) return {};
    std::array<std::byte, superblock_size> bytes{};
    reader.read(offset, bytes);
    try {
        return parse_superblock(bytes);
    } catch (const Error&) {
        return {};
    }
}

} // namespace

std::unique_ptr<FileSystem> open_ext(BlockSource& source, Range range, std::stop_token stop) {
    auto reader = std::make_unique<VolumeReader>(source, range, std::move(stop));
    const auto super = superblock_at(*reader, superblock_offset);
    if (!super || super->has(incompatible::journal_device)) return nullptr;
    return std::make_unique<ExtFileSystem>(source, std::move(reader), *super);
}

// Where mke2fs puts the first copies: in group 1, which begins after as many blocks as a bitmap of one block has bits,
// and in group 3. Only where nothing else lies: an ext file system that was overwritten leaves its copies behind.
std::unique_ptr<FileSystem> open_ext_by_backup(BlockSource& source, Range range, std::stop_token stop) {
    auto reader = std::make_unique<VolumeReader>(source, range, stop);
    for (const uint64_t group : {1u, 3u}) {
        for (uint64_t block = 1024; block <= 65536; block *= 2) {
            const uint64_t first = (block == 1024 ? 1 : 0) + group * block * 8;
            const auto super = superblock_at(*reader, first * block);
            if (!super || super->group != group || super->block_size != block || super->checksum_wrong ||
                super->has(incompatible::journal_device) || super->first_block(group) != first)
                continue;
            if (!recognise_content(source, range, stop).empty()) return nullptr;
            return std::make_unique<ExtFileSystem>(source, std::move(reader), *super);
        }
    }
    return nullptr;
}

} // namespace kanshiki::ext
