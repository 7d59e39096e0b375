#include "analyze/filesystem/ext/xattr.h"

#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/ext/checksum.h"

#include <string>

namespace kanshiki::ext {
namespace {

constexpr uint32_t magic = 0xea020000;
constexpr size_t block_header = 32, entry_header = 16, checksum_at = 16;
constexpr uint8_t acl_access = 2, acl_default = 3, encryption = 9;

[[noreturn]] void damaged(const std::string& what) {
    throw Error(ExitCode::never_valid, "its extended attributes are damaged: " + what);
}

std::string_view text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// base: what value offsets count from. The list ends at four zero bytes, or where no entry fits any more.
void walk(std::span<const std::byte> base, size_t at, const RawXattrs& attribute) {
    while (at + 4 <= base.size() && le32(base, at) != 0) {
        if (base.size() - at < entry_header) damaged("the list is cut short");
        RawXattr each;
        const size_t name = std::to_integer<size_t>(base[at]), offset = le16(base, at + 2);
        each.name_index = std::to_integer<uint8_t>(base[at + 1]);
        each.value_inode = le32(base, at + 4);
        each.value_size = le32(base, at + 8);
        each.hash = le32(base, at + 12);
        if (name > base.size() - at - entry_header) damaged("a name runs past the end");
        each.name = text(base.subspan(at + entry_header, name));
        if (each.value_inode == 0) {
            if (each.value_size != 0 && (offset > base.size() || each.value_size > base.size() - offset))
                damaged("a value runs past the end");
            if (each.value_size != 0) each.value = base.subspan(offset, static_cast<size_t>(each.value_size));
        }
        attribute(each);
        at += (entry_header + name + 3) & ~size_t{3};
    }
}

std::string_view prefix(uint8_t index) {
    static constexpr std::string_view prefixes[] = {"",
                                                    "user.",
                                                    "system.posix_acl_access",
                                                    "system.posix_acl_default",
                                                    "trusted.",
                                                    "lustre.",
                                                    "security.",
                                                    "system.",
                                                    "system.richacl",
                                                    "encryption.",
                                                    "gnu."};
    return index < std::size(prefixes) ? prefixes[index] : std::string_view{};
}

void put(std::string& out, uint32_t value, size_t size) {
    for (size_t index = 0; index < size; index++) out += static_cast<char>(value >> 8 * index);
}

// "Access Control Lists": version 1, whose entries have an id only for a named user or group; the kernel gives out
// version 2, where each has one.
std::string posix_acl(std::span<const std::byte> stored) {
    constexpr uint16_t named_user = 0x2, named_group = 0x8;
    if (stored.size() < 4 || le32(stored, 0) != 1) damaged("an access control list of an unknown version");
    std::string out;
    put(out, 2, 4);
    for (size_t at = 4; at < stored.size();) {
        if (stored.size() - at < 4) damaged("an access control list is cut short");
        const uint16_t tag = le16(stored, at), permissions = le16(stored, at + 2);
        const bool named = tag == named_user || tag == named_group;
        put(out, tag, 2);
        put(out, permissions, 2);
        put(out, named ? le32(stored, at + 4) : ~uint32_t{0}, 4);
        at += named ? 8 : 4;
    }
    return out;
}

} // namespace

void xattrs_in_inode(std::span<const std::byte> bytes, uint32_t extra_size, const RawXattrs& attribute) {
    const size_t at = 128 + size_t{extra_size};
    if (extra_size == 0 || at + 8 > bytes.size() || le32(bytes, at) != magic) return;
    walk(bytes.subspan(at + 4), 0, attribute);
}

void xattrs_in_block(std::span<const std::byte> block, const RawXattrs& attribute) {
    if (le32(block, 0) != magic || le32(block, 8) != 1) damaged("the block has no magic 0xEA020000");
    walk(block, block_header, attribute);
}

bool xattr_block_checksum_right(std::span<const std::byte> block, uint64_t number, uint32_t seed) {
    uint32_t state = checksum_of_number(seed, static_cast<uint32_t>(number));
    state = checksum_of_number(state, static_cast<uint32_t>(number >> 32));
    state = crc32c(crc32c(state, block.first(checksum_at)), std::array<std::byte, 4>{});
    return crc32c(state, block.subspan(checksum_at + 4)) == le32(block, checksum_at);
}

bool is_internal(const RawXattr& each) { return is_inline_data(each) || each.name_index == encryption; }

std::string xattr_name(const RawXattr& each) {
    const std::string_view known = prefix(each.name_index);
    std::string name =
        known.empty() && each.name_index != 0 ? "index-" + std::to_string(each.name_index) + "." : std::string(known);
    name += each.name;
    return name;
}

std::string xattr_value(const RawXattr& each, std::span<const std::byte> stored) {
    if (each.name_index == acl_access || each.name_index == acl_default) return posix_acl(stored);
    return std::string(text(stored));
}

} // namespace kanshiki::ext
