#include "analyze/filesystem/btrfs/items.h"

#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/file_type.h"

namespace kanshiki::btrfs {
namespace {

constexpr size_t inode_size = 160, name_header = 30, inline_header = 21, extent_size = 53;

[[noreturn]] void fail(const std::string& what) { throw Error(ExitCode::never_valid, what); }

std::span<const std::byte> part(std::span<const std::byte> bytes, size_t at, size_t size) {
    if (at > bytes.size() || size > bytes.size() - at) fail("an item is cut short");
    return bytes.subspan(at, size);
}

std::string_view text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

FileType type_of_entry(uint8_t type) { // BTRFS_FT_…
    constexpr FileType types[] = {FileType::unknown, FileType::regular, FileType::directory, FileType::character,
                                  FileType::block,   FileType::fifo,    FileType::socket,    FileType::symlink};
    return type < std::size(types) ? types[type] : FileType::unknown;
}

Timestamp timestamp(std::span<const std::byte> item, size_t at) {
    const uint32_t nanoseconds = le32(item, at + 8);
    return {static_cast<int64_t>(le64(item, at)), nanoseconds < 1'000'000'000 ? nanoseconds : 0};
}

uint32_t attributes_of(uint64_t flags) {
    constexpr std::pair<uint64_t, uint32_t> bits[] = {
        {1ull << 6, attribute_immutable},
        {1ull << 7, attribute_append},
        {1ull << 8, attribute_nodump},
        {1ull << 11, attribute_compressed},
        {1ull << 32, attribute_verity}}; // the upper half: BTRFS_INODE_RO_…
    uint32_t out = 0;
    for (const auto& [flag, attribute] : bits)
        if (flags & flag) out |= attribute;
    return out;
}

} // namespace

Inode parse_inode(std::span<const std::byte> item) {
    item = part(item, 0, inode_size);
    Inode inode;
    inode.generation = le64(item, 0);
    FileInfo& info = inode.info;
    info.size = le64(item, 16);
    info.links = le32(item, 40);
    info.uid = le32(item, 44);
    info.gid = le32(item, 48);
    const uint32_t mode = le32(item, 52);
    info.type = file_type_of_mode(mode);
    info.mode = mode & 07777;
    info.flags = le64(item, 64);
    info.attributes = attributes_of(info.flags);
    if (info.type == FileType::character || info.type == FileType::block) {
        const auto device = static_cast<uint32_t>(le64(item, 56)); // the kernel's own dev_t: 12 bits, 20 bits
        info.major = device >> 20;
        info.minor = device & 0xfffff;
    }
    info.accessed = timestamp(item, 112);
    info.changed = timestamp(item, 124);
    info.modified = timestamp(item, 136);
    if (const Timestamp born = timestamp(item, 148); born != Timestamp{}) info.created = born;
    return inode;
}

void parse_directory_items(std::span<const std::byte> item, const std::function<void(const DirectoryItem&)>& each) {
    while (!item.empty()) {
        DirectoryItem out;
        out.location = {le64(item, 0), little_endian<uint8_t>(item, 8), le64(item, 9)};
        const size_t data = le16(item, 25), name = le16(item, 27);
        constexpr uint8_t encrypted = 0x80;
        out.type = type_of_entry(little_endian<uint8_t>(item, 29) & static_cast<uint8_t>(~encrypted));
        out.name = text(part(item, name_header, name));
        out.data = text(part(item, name_header + name, data));
        each(out);
        item = item.subspan(name_header + name + data);
    }
}

FileExtentItem parse_file_extent(const Key& key, std::span<const std::byte> item) {
    enum : uint8_t { in_item = 0, regular = 1, prealloc = 2 };
    FileExtentItem out;
    out.logical = key.offset;
    out.decoded = le64(item, 8);
    const auto compression = little_endian<uint8_t>(item, 16);
    if (compression > static_cast<uint8_t>(Compression::zstd))
        fail("an extent with compression " + std::to_string(compression) + ", which is not known");
    if (little_endian<uint8_t>(item, 17) != 0 || le16(item, 18) != 0) fail("an extent that is encrypted");
    out.compression = static_cast<Compression>(compression);
    const auto type = little_endian<uint8_t>(item, 20);
    if (type == in_item) {
        out.in_item = true;
        out.data = part(item, inline_header, item.size() - inline_header);
        out.size = out.encoded() ? out.decoded : out.data.size();
    } else if (type == regular || type == prealloc) {
        item = part(item, 0, extent_size);
        out.prealloc = type == prealloc;
        out.address = le64(item, 21);
        out.disk_size = le64(item, 29);
        out.offset = le64(item, 37);
        out.size = le64(item, 45);
        const uint64_t whole = out.encoded() ? out.decoded : out.disk_size;
        if (out.address != 0 && (out.offset > whole || out.size > whole - out.offset))
            fail("an extent that reaches beyond what it is part of");
        if (out.address > last_offset - out.disk_size) fail("an extent beyond all addresses");
    } else {
        fail("an extent of type " + std::to_string(type));
    }
    if (out.size > last_offset - out.logical) fail("an extent beyond all offsets");
    return out;
}

RootItem parse_root(std::span<const std::byte> item) {
    RootItem root;
    root.root = {le64(item, 176), le64(item, 160), little_endian<uint8_t>(item, 238)};
    root.directory = le64(item, 168);
    root.references = le32(item, 216);
    return root;
}

NameReference parse_root_reference(std::span<const std::byte> item) {
    return {le64(item, 0), le64(item, 8), text(part(item, 18, le16(item, 16)))};
}

void parse_inode_references(const Key& key, std::span<const std::byte> item,
                            const std::function<void(const NameReference&)>& each) {
    const bool extended = key.type == type::inode_extref;
    const size_t header = extended ? 18 : 10;
    while (!item.empty()) {
        NameReference out;
        out.directory = extended ? le64(item, 0) : key.offset;
        const auto rest = extended ? part(item, 8, item.size() - 8) : item;
        out.index = le64(rest, 0);
        const size_t size = le16(rest, 8);
        out.name = text(part(item, header, size));
        each(out);
        item = item.subspan(header + size);
    }
}

} // namespace kanshiki::btrfs
