#include "analyze/filesystem/ext/directory.h"

#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/ext/checksum.h"

#include <algorithm>

namespace kanshiki::ext {
namespace {

constexpr size_t header = 8, smallest = 12, tail_size = 12;
constexpr uint8_t tail_type = 0xde;

size_t length_of(const DirectoryLayout& layout, uint16_t stored) {
    if (layout.block_size < 65536) return stored;
    if (stored == 65535 || stored == 0) return layout.block_size;
    return (stored & 65532u) | (stored & 3u) << 16;
}

size_t needed(const DirectoryLayout& layout, size_t name) {
    return (header + name + (layout.hashes ? 8 : 0) + 3) & ~size_t{3};
}

RawEntry entry_at(std::span<const std::byte> block, const DirectoryLayout& layout, size_t at) {
    RawEntry entry;
    entry.inode = le32(block, at);
    const size_t size = std::to_integer<size_t>(block[at + 6]);
    entry.name = {reinterpret_cast<const char*>(block.data()) + at + header, size};
    entry.type = layout.types ? std::to_integer<uint8_t>(block[at + 7]) & 7 : 0; // above: flags of Lustre
    return entry;
}

bool is_tail(std::span<const std::byte> block, size_t at) {
    return at + tail_size == block.size() && le32(block, at) == 0 && le16(block, at + 4) == tail_size &&
           block[at + 6] == std::byte{0} && block[at + 7] == std::byte{tail_type};
}

bool plausible_name(std::string_view name) {
    return !name.empty() && name.find('/') == name.npos && name.find('\0') == name.npos && name != "." && name != "..";
}

// Entries are looked for at every place where one may have begun. Only the first of a block loses its number on
// deletion, and it stays a link of the chain: elsewhere one without a number is none.
void stale_in(std::span<const std::byte> block, const DirectoryLayout& layout, size_t at, size_t end, bool chained,
              const RawEntries& entry) {
    const size_t begin = at;
    while (at + smallest <= end) {
        const size_t length = length_of(layout, le16(block, at + 4));
        const size_t name = std::to_integer<size_t>(block[at + 6]);
        const uint8_t type = std::to_integer<uint8_t>(block[at + 7]);
        const size_t size = needed(layout, name);
        if (name == 0 || size > end - at || length < size || length % 4 != 0 || length > block.size() - at ||
            type > 7 || le32(block, at) > layout.inodes || (le32(block, at) == 0 && !(chained && at == begin))) {
            at += 4;
            continue;
        }
        const RawEntry found = entry_at(block, layout, at);
        if (!plausible_name(found.name)) {
            at += 4;
            continue;
        }
        entry(found);
        at += size;
    }
}

} // namespace

std::optional<std::string> live_entries(std::span<const std::byte> block, const DirectoryLayout& layout,
                                        const RawEntries& entry) {
    for (size_t at = 0; at < block.size();) {
        const auto wrong = [&](const std::string& what) {
            return "at byte " + std::to_string(at) + " of the block " + what;
        };
        if (block.size() - at < header) return wrong("an entry is cut short");
        const size_t length = length_of(layout, le16(block, at + 4));
        if (length < header || length % 4 != 0 || length > block.size() - at)
            return wrong("an entry says it is " + std::to_string(length) + " bytes long");
        if (le32(block, at) != 0) {
            const size_t name = std::to_integer<size_t>(block[at + 6]);
            if (header + name > length) return wrong("a name is longer than its entry");
            if (name != 0) entry(entry_at(block, layout, at));
        }
        at += length;
    }
    return {};
}

void stale_entries(std::span<const std::byte> block, const DirectoryLayout& layout, const RawEntries& entry) {
    for (size_t at = 0; at + smallest <= block.size();) {
        const size_t length = length_of(layout, le16(block, at + 4));
        if (length < header || length % 4 != 0 || length > block.size() - at) return; // live_entries tells
        if (is_tail(block, at)) return;
        const bool used = le32(block, at) != 0;
        const size_t begin = used ? at + needed(layout, std::to_integer<size_t>(block[at + 6])) : at;
        stale_in(block, layout, begin, at + length, !used, entry);
        at += length;
    }
}

BlockKind kind_of_block(std::span<const std::byte> block, bool first) {
    const size_t tail = 8, entry = 8;
    if (first && block.size() > 0x28 && le16(block, 4) == 12 && le16(block, 16) == (block.size() - 12) % 65536 &&
        le32(block, 24) == 0 && block[29] == std::byte{8}) {
        const size_t room = (block.size() - 0x20) / entry, limit = le16(block, 0x20);
        if (limit == room || limit == (block.size() - 0x20 - tail) / entry) return BlockKind::index_root;
    }
    if (!first && le32(block, 0) == 0 &&
        length_of({static_cast<uint32_t>(block.size())}, le16(block, 4)) == block.size()) {
        const size_t room = (block.size() - header) / entry, limit = le16(block, header);
        if (le16(block, 6) == 0 && // neither name nor type
            (limit == room || limit == (block.size() - header - tail) / entry))
            return BlockKind::index_node;
    }
    return BlockKind::leaf;
}

bool directory_checksum_right(std::span<const std::byte> block, bool first, uint32_t seed) {
    const BlockKind kind = kind_of_block(block, first);
    if (kind == BlockKind::leaf) {
        const size_t at = block.size() - tail_size;
        return is_tail(block, at) && crc32c(seed, block.first(at)) == le32(block, at + 8);
    }
    const size_t entries = kind == BlockKind::index_root ? 0x20 : header;
    const size_t limit = le16(block, entries), count = le16(block, entries + 2), at = entries + limit * 8;
    if (at + 8 > block.size() || count > limit) return false;
    const uint32_t state = crc32c(crc32c(seed, block.first(entries + count * 8)), block.subspan(at, 4));
    return crc32c(state, std::array<std::byte, 4>{}) == le32(block, at + 4);
}

} // namespace kanshiki::ext
