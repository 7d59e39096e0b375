// The parsers of Btrfs that take bytes: superblock and its chunk array, a node and each of its items, the three forms
// of compression. The first byte chooses.

#include "analyze/filesystem/btrfs/chunk_map.h"
#include "analyze/filesystem/btrfs/decompress.h"
#include "analyze/filesystem/btrfs/items.h"
#include "analyze/filesystem/btrfs/node.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <cstdlib>

using namespace kanshiki;
using namespace kanshiki::btrfs;

namespace {

void superblock(std::span<const std::byte> bytes) {
    if (bytes.size() < superblock_size) return;
    superblock_holds(bytes);
    const Superblock super = parse_superblock(bytes);
    ChunkMap chunks(super.device);
    chunks.add_array(super.chunk_array);
    uint64_t end = 0;
    for (const Range& chunk : chunks.chunks()) {
        if (chunk.size == 0 || chunk.offset < end || chunk.end() < chunk.offset) std::abort();
        end = chunk.end();
        for (const uint64_t at : {chunk.offset, chunk.offset + chunk.size / 2, end - 1}) {
            const Place place = chunks.place(at, super.node_size);
            if (place.size == 0 || place.size > super.node_size || place.copies.size() + place.absent.size() == 0)
                std::abort();
        }
    }
}

void item(const Key& key, std::span<const std::byte> bytes) {
    switch (key.type) {
    case type::inode_item:
        parse_inode(bytes);
        break;
    case type::dir_index:
    case type::dir_item:
    case type::xattr_item:
        parse_directory_items(bytes, [](const DirectoryItem&) {});
        break;
    case type::extent_data: {
        const FileExtentItem extent = parse_file_extent(key, bytes);
        if (extent.end() < extent.logical || extent.address + extent.disk_size < extent.address) std::abort();
        break;
    }
    case type::root_item:
        parse_root(bytes);
        break;
    case type::root_ref:
        parse_root_reference(bytes);
        break;
    case type::inode_ref:
    case type::inode_extref:
        parse_inode_references(key, bytes, [](const NameReference&) {});
        break;
    default:
        ChunkMap(1).add(key, bytes);
    }
}

void node(std::span<const std::byte> bytes) {
    std::vector<std::byte> whole(4096);
    std::ranges::copy(bytes.first(std::min(bytes.size(), whole.size())), whole.begin());
    const Node made(std::move(whole));
    for (uint32_t index = 0; index < made.count(); index++) {
        const Key key = made.key(index);
        if (made.lower_bound(key) != index) std::abort();
        if (!made.leaf()) {
            made.child(index);
            continue;
        }
        try {
            item(key, made.item(index));
        } catch (const Error&) {
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2) return 0;
    const auto bytes = std::as_bytes(std::span(data + 2, size - 2));
    try {
        if (data[0] % 5 == 0)
            superblock(bytes);
        else if (data[0] % 5 == 1)
            node(bytes);
        else {
            std::vector<std::byte> out(size_t{data[1]} * 1024 + 1);
            if (decompress(static_cast<Compression>(data[0] % 5 - 1), bytes, 4096, out) > out.size()) std::abort();
        }
    } catch (const Error&) {
    }
    return 0;
}
