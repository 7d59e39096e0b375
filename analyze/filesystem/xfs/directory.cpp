#include "analyze/filesystem/xfs/directory.h"

#include "analyze/filesystem/bytes.h"

#include <algorithm>

namespace kanshiki::xfs {
namespace {

constexpr uint32_t block_v4 = 0x58443242, block_v5 = 0x58444233; // "XD2B", "XDB3": names and index in one block
constexpr uint32_t data_v4 = 0x58443244, data_v5 = 0x58444433;   // "XD2D", "XDD3"
constexpr size_t header_v4 = 16, header_v5 = 64, tail_size = 8, index_entry_size = 8;
constexpr uint16_t free_tag = 0xffff;

// Where the names end: in front of the index in a directory of one block. Nothing when its tail makes no sense.
std::optional<size_t> end_of_names(std::span<const std::byte> block, size_t header) {
    const uint32_t magic = be32(block, 0);
    if (magic != block_v4 && magic != block_v5) return block.size();
    const uint64_t index = be32(block, block.size() - tail_size) * uint64_t{index_entry_size};
    if (index > block.size() - header - tail_size) return std::nullopt;
    return block.size() - tail_size - static_cast<size_t>(index);
}

std::string_view text(std::span<const std::byte> bytes, size_t at, size_t size) {
    const auto part = bytes.subspan(at, size);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
}

bool dots(std::string_view name) { return name == "." || name == ".."; }

} // namespace

FileType type_of_entry(std::byte stored) {
    static constexpr FileType types[] = {FileType::unknown, FileType::regular, FileType::directory, FileType::character,
                                         FileType::block,   FileType::fifo,    FileType::socket,    FileType::symlink};
    const auto index = std::to_integer<size_t>(stored);
    return index < std::size(types) ? types[index] : FileType::unknown;
}

bool plain_name(std::string_view name) {
    return !name.empty() && !dots(name) && name.find('/') == name.npos && name.find('\0') == name.npos;
}

std::string parse_short_directory(const Inode& inode, const Superblock& super, const OnName& name) {
    const auto area = inode.area(inode.data);
    if (inode.info.size > area.size() || inode.info.size < 6) return "a short-form directory of impossible size";
    const auto used = area.first(static_cast<size_t>(inode.info.size));
    const size_t count = std::to_integer<size_t>(used[0]), inode_size = used[1] != std::byte{0} ? 8 : 4;
    size_t at = 2 + inode_size;
    for (size_t index = 0; index < count; index++) {
        const size_t head = 3, type_size = super.file_types ? 1 : 0;
        const size_t length = at < used.size() ? std::to_integer<size_t>(used[at]) : 0;
        const size_t size = head + length + type_size + inode_size;
        if (length == 0 || at > used.size() || size > used.size() - at)
            return "entry " + std::to_string(index) + " of its short form runs over its end";
        const size_t number_at = at + head + length + type_size;
        const uint64_t number = inode_size == 8 ? be64(used, number_at) : be32(used, number_at);
        name({text(used, at + head, length), number, type_size ? type_of_entry(used[number_at - 1]) : FileType::unknown,
              false, false});
        at += size;
    }
    return {};
}

std::string parse_directory_block(std::span<const std::byte> block, const Superblock& super, const OnName& name) {
    const uint32_t magic = be32(block, 0);
    const bool v5 = magic == block_v5 || magic == data_v5;
    if (!v5 && magic != block_v4 && magic != data_v4) return "has no magic";
    const size_t header = v5 ? header_v5 : header_v4;
    const auto end = end_of_names(block, header);
    if (!end) return "says that its index is larger than itself";
    for (size_t at = header; at < *end;) {
        const auto bad = [&](const char* what) { return "entry at byte " + std::to_string(at) + " " + what; };
        if (*end - at < 8) return bad("is cut short");
        if (be16(block, at) == free_tag) {
            const size_t size = be16(block, at + 2);
            if (size < 8 || size % 8 != 0 || size > *end - at) return bad("is free space of impossible size");
            carve_block_names(block.subspan(at, size), at, super, name);
            at += size;
            continue;
        }
        if (*end - at < 16) return bad("is cut short");
        const size_t length = std::to_integer<size_t>(block[at + 8]), type_size = super.file_types ? 1 : 0;
        const size_t size = (8 + 1 + length + type_size + 2 + 7) / 8 * 8;
        if (length == 0 || size > *end - at) return bad("is of impossible size");
        if (be16(block, at + size - 2) != at) return bad("has a tag that is not its place");
        const std::string_view found = text(block, at + 9, length);
        if (!dots(found))
            name({found, be64(block, at), type_size ? type_of_entry(block[at + 9 + length]) : FileType::unknown, false,
                  false});
        at += size;
    }
    return {};
}

void read_directory(const Inode& inode, Metadata& metadata, bool gone, const OnName& name) {
    const std::string where = "inode " + std::to_string(inode.number) + ": ";
    if (inode.data.format == Format::local) {
        const std::string wrong = parse_short_directory(inode, metadata.super, name);
        if (!wrong.empty() && !gone) damaged(where + wrong);
        return;
    }
    const Superblock& super = metadata.super;
    std::vector<Extent> extents = read_extents(inode, inode.data, metadata);
    refuse_overlap(extents, inode);
    const uint64_t per_block = super.directory_block_size / super.block_size;
    const uint64_t limit = directory_index_begins >> super.block_log;
    std::vector<std::byte> block(super.directory_block_size);
    std::string first_wrong;
    const auto wrong = [&](uint64_t index, const std::string& what) {
        if (first_wrong.empty()) first_wrong = "directory block " + std::to_string(index) + ": " + what;
    };
    uint64_t index = 0, filled = 0, offset = 0; // of the directory block being put together
    for (const Extent& extent : extents) {
        for (uint64_t each = 0; each < extent.count && extent.logical + each < limit; each++) {
            const uint64_t logical = extent.logical + each;
            if (logical / per_block != index || filled == 0) {
                if (filled != 0) wrong(index, "not all of it is there");
                index = logical / per_block;
                filled = 0;
            }
            if (logical % per_block != filled) {
                wrong(index, "not all of it is there");
                continue;
            }
            const uint64_t place = metadata.place_of(extent.block + each);
            if (filled == 0) offset = place;
            metadata.read(place, std::span(block).subspan(filled << super.block_log, super.block_size));
            if (++filled < per_block) continue;
            filled = 0;
            const uint32_t magic = be32(block, 0);
            const bool v5 = magic == block_v5 || magic == data_v5;
            if (gone && v5 && be64(block, directory_block.owner) != inode.number) continue;
            if (v5) metadata.check(block, directory_block, offset, inode.number);
            const std::string what = parse_directory_block(block, super, name);
            if (!what.empty()) wrong(index, what);
        }
    }
    if (filled != 0) wrong(index, "not all of it is there");
    if (extents.empty() && inode.info.size != 0) first_wrong = "a directory without blocks";
    if (!first_wrong.empty() && !gone) damaged(where + first_wrong);
}

} // namespace kanshiki::xfs
