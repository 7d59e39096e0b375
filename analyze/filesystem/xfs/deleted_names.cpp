// What is left of names: an entry that is freed keeps all its bytes but the first four (written over with a tag and a
// length, once free neighbours are joined not even those) and the last two of the free space.

#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/xfs/directory.h"

namespace kanshiki::xfs {
namespace {

constexpr uint16_t free_tag = 0xffff;
constexpr size_t first_entry_v4 = 16, first_entry_v5 = 64;

std::string_view text(std::span<const std::byte> bytes, size_t at, size_t size) {
    const auto part = bytes.subspan(at, size);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
}

} // namespace

void carve_block_names(std::span<const std::byte> free, size_t offset, const Superblock& super, const OnName& name) {
    const size_t type_size = super.file_types ? 1 : 0;
    for (size_t at = 0; at + 16 <= free.size();) {
        const size_t length = std::to_integer<size_t>(free[at + 8]);
        const size_t size = (8 + 1 + length + type_size + 2 + 7) / 8 * 8;
        // An entry ends with its own place; the last one of the free space with that of the free space.
        const bool whole = length != 0 && size <= free.size() - at;
        const size_t tag = whole ? be16(free, at + size - 2) : 0;
        const bool ours = whole && (tag == offset + at || (at + size == free.size() && tag == offset));
        const std::string_view found = ours ? text(free, at + 9, length) : std::string_view();
        const FileType type = ours && type_size ? type_of_entry(free[at + 9 + length]) : FileType::unknown;
        if (!plain_name(found) || (type_size && type == FileType::unknown)) {
            at += 8;
            continue;
        }
        const bool cut = at == 0 || be16(free, at) == free_tag;
        const uint64_t number = cut ? be32(free, at + 4) : be64(free, at);
        name({found, number, type, true, cut});
        at += size;
    }
}

void carve_short_names(std::span<const std::byte> free, size_t inode_size, const Superblock& super,
                       const OnName& name) {
    const size_t head = 3, type_size = super.file_types ? 1 : 0;
    const size_t first = super.checksums() ? first_entry_v5 : first_entry_v4;
    for (size_t at = 0; at + head + 1 + type_size + inode_size <= free.size();) {
        const size_t length = std::to_integer<size_t>(free[at]), place = be16(free, at + 1);
        const size_t size = head + length + type_size + inode_size;
        at++;
        // An entry remembers where it would stand in a block: a multiple of 8 behind the header.
        if (length == 0 || size > free.size() - (at - 1) || place % 8 != 0 || place < first ||
            place >= super.directory_block_size)
            continue;
        const std::string_view found = text(free, at - 1 + head, length);
        const size_t number_at = at - 1 + head + length + type_size;
        const FileType type = type_size ? type_of_entry(free[number_at - 1]) : FileType::unknown;
        const uint64_t number = inode_size == 8 ? be64(free, number_at) : be32(free, number_at);
        if (!plain_name(found) || (type_size && type == FileType::unknown) || !super.inode_offset(number)) continue;
        name({found, number, type, true, false});
        at += size - 1;
    }
}

} // namespace kanshiki::xfs
