#include "analyze/filesystem/xfs/xattr.h"

#include "analyze/filesystem/bytes.h"

#include <algorithm>
#include <unordered_set>

namespace kanshiki::xfs {
namespace {

constexpr uint16_t leaf_v4 = 0xfbee, leaf_v5 = 0x3bee, node_v4 = 0xfebe, node_v5 = 0x3ebe;
constexpr uint32_t value_magic = 0x5841524d, symlink_magic = 0x58534c4d; // "XARM", "XSLM"
constexpr unsigned flag_local = 0x1, flag_root = 0x2, flag_secure = 0x4, flag_parent = 0x8, flag_incomplete = 0x80;
constexpr unsigned deepest = 5;             // XFS_DA_NODE_MAXDEPTH
constexpr size_t largest_value = 64 * 1024; // XATTR_SIZE_MAX
constexpr uint64_t most_bytes = uint64_t{256} << 20;
constexpr size_t most_blocks = size_t{1} << 20; // of one inode's attribute tree

std::string_view text(std::span<const std::byte> bytes, size_t at, size_t size) {
    const auto part = bytes.subspan(at, size);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
}

class Reader {
public:
    Reader(const Inode& inode, Metadata& metadata, const std::function<void(const Xattr&)>& attribute)
        : inode_(inode), metadata_(metadata), attribute_(attribute) {}

    void run() {
        if (inode_.attributes.size == 0) return;
        if (inode_.attributes.format == Format::local)
            short_form(inode_.area(inode_.attributes));
        else
            tree();
        if (!wrong_.empty()) damaged("inode " + std::to_string(inode_.number) + ": " + wrong_);
    }

private:
    void wrong(const std::string& what) {
        if (wrong_.empty()) wrong_ = what;
    }

    // "Short Form Attributes"
    void short_form(std::span<const std::byte> area) {
        if (area.size() < 4) return;
        const size_t total = be16(area, 0), count = std::to_integer<size_t>(area[2]);
        if (total > area.size()) return wrong("its attributes say " + std::to_string(total) + " bytes, more than fit");
        const auto used = area.first(total);
        size_t at = 4;
        for (size_t index = 0; index < count; index++) {
            const size_t left = at < total ? total - at : 0;
            const size_t name = left >= 3 ? std::to_integer<size_t>(used[at]) : 0;
            const size_t value = left >= 3 ? std::to_integer<size_t>(used[at + 1]) : 0;
            if (left < 3 || name + value > left - 3)
                return wrong("attribute " + std::to_string(index) + " runs over the end of its attributes");
            give(std::to_integer<unsigned>(used[at + 2]), text(used, at + 3, name), text(used, at + 3 + name, value));
            at += 3 + name + value;
        }
    }

    void tree() {
        extents_ = read_extents(inode_, inode_.attributes, metadata_);
        refuse_overlap(extents_, inode_);
        if (!extents_.empty()) block(0, std::nullopt);
    }

    std::optional<uint64_t> place_of(uint64_t logical) const {
        auto found = std::ranges::upper_bound(extents_, logical, {}, &Extent::logical);
        if (found == extents_.begin() || (--found)->end() <= logical) return std::nullopt;
        return metadata_.place_of(found->block + (logical - found->logical));
    }

    // level: what the node above demands; nothing for the root.
    void block(uint32_t logical, std::optional<unsigned> level) {
        const std::string where = "attribute block " + std::to_string(logical);
        const auto place = place_of(logical);
        if (!place) return wrong(where + " is not in its fork");
        if (!seen_.insert(logical).second) return wrong(where + " is used twice");
        if (seen_.size() > most_blocks) damaged("inode " + std::to_string(inode_.number) + ": endless attributes");
        std::vector<std::byte> bytes(metadata_.super.block_size);
        metadata_.read(*place, bytes);
        const uint16_t magic = be16(bytes, 8);
        const bool v5 = magic == leaf_v5 || magic == node_v5;
        if (v5) metadata_.check(bytes, attribute_block, *place, inode_.number);
        if ((magic == leaf_v4 || magic == leaf_v5) && level.value_or(0) == 0) return leaf(bytes, v5, where);
        if (magic != node_v4 && magic != node_v5) return wrong(where + " has no magic");
        const size_t header = v5 ? 64 : 16;
        const unsigned count = be16(bytes, header - (v5 ? 8 : 4)), own = be16(bytes, header - (v5 ? 6 : 2));
        if (own == 0 || own > deepest || (level && *level != own) || count > (bytes.size() - header) / 8)
            return wrong(where + " says level " + std::to_string(own) + ", " + std::to_string(count) + " children");
        for (unsigned index = 0; index < count; index++) block(be32(bytes, header + index * 8 + 4), own - 1);
    }

    void leaf(std::span<const std::byte> bytes, bool v5, const std::string& where) {
        const size_t header = v5 ? 80 : 32;
        const size_t count = be16(bytes, v5 ? 56 : 12);
        if (count > (bytes.size() - header) / 8)
            return wrong(where + " says " + std::to_string(count) + " attributes, more than fit");
        for (size_t index = 0; index < count; index++) {
            const auto entry = bytes.subspan(header + index * 8, 8);
            const unsigned flags = std::to_integer<unsigned>(entry[6]);
            if (!leaf_entry(bytes, be16(entry, 4), flags))
                wrong("attribute " + std::to_string(index) + " of " + where + " runs over its end");
        }
    }

    bool leaf_entry(std::span<const std::byte> bytes, size_t at, unsigned flags) {
        const size_t head = flags & flag_local ? 3 : 9;
        if (at > bytes.size() || bytes.size() - at < head) return false;
        const size_t name_size = std::to_integer<size_t>(bytes[at + head - 1]), rest = bytes.size() - at - head;
        if (name_size > rest) return false;
        const std::string_view name = text(bytes, at + head, name_size);
        if (flags & flag_local) {
            const size_t value = be16(bytes, at);
            if (value > rest - name_size) return false;
            give(flags, name, text(bytes, at + head + name_size, value));
            return true;
        }
        const size_t size = be32(bytes, at + 4);
        if (size > largest_value) return false;
        // Values may share blocks in a forged tree.
        if ((total_ += size) > most_bytes)
            damaged("inode " + std::to_string(inode_.number) + ": more than 256 MiB of attributes");
        if (flags & (flag_parent | flag_incomplete)) {
            give(flags, name, {});
            return true;
        }
        try {
            give(flags, name, read_pieces(inode_, extents_, value_block, be32(bytes, at), size, metadata_));
        } catch (const Error& error) {
            if (error.code() != ExitCode::never_valid) throw;
            wrong("attribute \"" + std::string(name) + "\": " + error.what());
        }
        return true;
    }

    void give(unsigned flags, std::string_view name, std::string_view value) {
        if (flags & flag_parent) return;
        if (flags & flag_incomplete) {
            metadata_.warn("XFS inode " + std::to_string(inode_.number) + ": attribute \"" + std::string(name) +
                           "\" was being written or removed when the file system stopped; it is not shown");
            return;
        }
        if (flags & flag_root) acl(name, value);
        const char* space = flags & flag_root ? "trusted." : flags & flag_secure ? "security." : "user.";
        attribute_({space + std::string(name), std::string(value)});
    }

    // The kernel shows both the list and, to root, the attribute that keeps it.
    void acl(std::string_view name, std::string_view value) {
        const bool access = name == "SGI_ACL_FILE";
        if (!access && name != "SGI_ACL_DEFAULT") return;
        auto list = posix_acl(value);
        if (!list) return wrong("its access control list is damaged");
        attribute_({access ? "system.posix_acl_access" : "system.posix_acl_default", std::move(*list)});
    }

    const Inode& inode_;
    Metadata& metadata_;
    const std::function<void(const Xattr&)>& attribute_;
    std::vector<Extent> extents_;
    std::unordered_set<uint32_t> seen_;
    std::string wrong_;
    uint64_t total_ = 0; // bytes of remote values
};

} // namespace

void read_xattrs(const Inode& inode, Metadata& metadata, const std::function<void(const Xattr&)>& attribute) {
    Reader(inode, metadata, attribute).run();
}

namespace {

// Before version 5 there was nothing in front of it.
bool is_text(std::span<const std::byte> bytes) { return std::ranges::find(bytes, std::byte{0}) == bytes.end(); }

void check_piece(const Inode& inode, std::span<const std::byte> bytes, const Description& kind, uint64_t place,
                 Range content, Metadata& metadata) {
    const std::string where =
        "inode " + std::to_string(inode.number) + ": a piece of its " + kind.name + " at byte " + std::to_string(place);
    const bool symlink = std::string_view(kind.name) == symlink_block.name;
    if (be32(bytes, 0) != (symlink ? symlink_magic : value_magic)) damaged(where + " has no magic");
    metadata.check(bytes, kind, place, inode.number);
    if (be32(bytes, 4) != content.offset || be32(bytes, 8) != content.size)
        damaged(where + " says bytes " + std::to_string(be32(bytes, 4)) + " + " + std::to_string(be32(bytes, 8)) +
                " where " + std::to_string(content.offset) + " + " + std::to_string(content.size) + " belong");
}

} // namespace

std::string read_pieces(const Inode& inode, const std::vector<Extent>& extents, const Description& kind,
                        uint64_t logical, size_t size, Metadata& metadata) {
    const Superblock& super = metadata.super;
    size_t header = super.checksums() ? kind.header : 0;
    const bool by_extent = std::string_view(kind.name) == symlink_block.name;
    std::string result;
    while (result.size() < size) {
        auto found = std::ranges::upper_bound(extents, logical, {}, &Extent::logical);
        if (found == extents.begin() || (--found)->end() <= logical)
            damaged("inode " + std::to_string(inode.number) + ": block " + std::to_string(logical) + " of its " +
                    kind.name + " is missing");
        const uint64_t in_extent = found->end() - logical;
        const uint64_t needed = (header + (size - result.size()) + super.block_size - 1) >> super.block_log;
        const uint64_t count = by_extent ? std::min(in_extent, needed) : 1;
        const uint64_t place = metadata.place_of(found->block + (logical - found->logical), count);
        std::vector<std::byte> bytes(static_cast<size_t>(count << super.block_log));
        metadata.read(place, bytes);
        // mkfs.xfs before 6.2 wrote symbolic links of a prototype without it.
        if (header != 0 && by_extent && be32(bytes, 0) != symlink_magic &&
            is_text(std::span(bytes).first(std::min(size, bytes.size())))) {
            metadata.warn("XFS inode " + std::to_string(inode.number) +
                          ": its remote symbolic link has no header; the kernel refuses it, here it is read without");
            header = 0;
        }
        const size_t part = std::min(bytes.size() - header, size - result.size());
        if (header != 0) check_piece(inode, bytes, kind, place, {result.size(), part}, metadata);
        result.append(reinterpret_cast<const char*>(bytes.data()) + header, part);
        logical += count;
    }
    return result;
}

std::optional<std::string> posix_acl(std::string_view stored) {
    const auto bytes = std::as_bytes(std::span(stored));
    if (bytes.size() < 4) return std::nullopt;
    const size_t count = be32(bytes, 0), entry_size = 12;
    if (count > (bytes.size() - 4) / entry_size) return std::nullopt;
    std::string result("\2\0\0\0", 4);
    const auto put = [&](uint32_t value, size_t size) {
        for (size_t index = 0; index < size; index++) result.push_back(static_cast<char>(value >> 8 * index));
    };
    for (size_t index = 0; index < count; index++) {
        const auto entry = bytes.subspan(4 + index * entry_size, entry_size);
        const uint32_t tag = be32(entry, 0);
        const bool named = tag == 0x2 || tag == 0x8; // ACL_USER, ACL_GROUP; the others' id is undefined
        put(tag, 2);
        put(be16(entry, 8), 2);
        put(named ? be32(entry, 4) : ~0u, 4);
    }
    return result;
}

} // namespace kanshiki::xfs
