#include "analyze/filesystem/btrfs/replayed_subvolume.h"

#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/crc32c.h"

#include <algorithm>

namespace kanshiki::btrfs {
namespace {

// Fields of items that are changed.
constexpr size_t inode_size_at = 16, inode_links_at = 40, extent_offset_at = 37, extent_size_at = 45;

template<class T>
void put(std::vector<std::byte>& bytes, size_t at, T value) {
    if (bytes.size() < at + sizeof value) throw Error(ExitCode::never_valid, "an item of the log is cut short");
    for (size_t index = 0; index < sizeof value; index++)
        bytes[at + index] = static_cast<std::byte>(value >> index * 8);
}

uint32_t name_hash(const std::string& name) { return crc32c(~1u, std::as_bytes(std::span(name))); }

} // namespace

ReplayedSubvolume::ReplayedSubvolume(TreeReader& trees, const Tree& base, uint32_t sector_size)
    : trees_(trees), sector_size_(sector_size), tree_(base) {
    tree_.overlay = overlay_;
}

const LogItem* ReplayedSubvolume::in_log(const Key& key) const {
    const auto found = std::ranges::lower_bound(*log_, key, {}, &LogItem::key);
    return found != log_->end() && found->key == key ? &*found : nullptr;
}

std::optional<std::vector<std::byte>> ReplayedSubvolume::bytes_of(const Key& key) {
    const auto item = trees_.find(tree_, key);
    if (!item) return {};
    return std::vector<std::byte>(item->data.begin(), item->data.end());
}

// The kernel passes over the log as often, so that every inode is there before a name leads to it.
void ReplayedSubvolume::run(const std::vector<LogItem>& items) {
    log_ = &items;
    for (const LogItem& item : items)
        if (item.key.type == type::inode_item) replay_inode(item);
    const auto counts = [&](const LogItem& item) { return !ignored_.contains(item.key.objectid); };
    for (const LogItem& item : items)
        if (item.key.type == type::dir_index && counts(item)) replay_entry(item);
    for (const LogItem& item : items) {
        if (!counts(item)) continue;
        if (item.key.type == type::inode_ref || item.key.type == type::inode_extref) replay_references(item);
        if (item.key.type == type::xattr_item) (*overlay_)[item.key] = item.bytes;
        if (item.key.type == type::extent_data) replay_extent(item);
    }
    for (const uint64_t inode : counted_) count_links(inode);
}

void ReplayedSubvolume::replay_inode(const LogItem& item) {
    const uint64_t number = item.key.objectid;
    const Inode logged = parse_inode(item.bytes);
    if (logged.info.links == 0) { // O_TMPFILE, fsynced and never linked: the kernel has no use for it
        ignored_.insert(number);
        return;
    }
    counted_.insert(number);
    delete_xattrs(number);
    if (logged.info.type == FileType::directory) delete_names(number);
    auto bytes = bytes_of(item.key);
    if (!bytes) {
        bytes = item.bytes;
        if (logged.info.type == FileType::directory) put<uint64_t>(*bytes, inode_size_at, 0); // grows with its names
    } else if (logged.generation == 0) { // logged only so that it exists
        if (logged.info.type == FileType::regular && logged.info.size != 0)
            put(*bytes, inode_size_at, logged.info.size);
    } else {
        const uint64_t size =
            logged.info.type == FileType::directory ? parse_inode(*bytes).info.size : logged.info.size;
        bytes = item.bytes;
        put(*bytes, inode_size_at, size);
    }
    const Inode now = parse_inode(*bytes);
    (*overlay_)[item.key] = std::move(*bytes);
    if (now.info.type != FileType::regular) return;
    const uint64_t rest = now.info.size % sector_size_;
    const uint64_t end = now.info.size + (rest == 0 ? 0 : sector_size_ - rest);
    if (end >= now.info.size) drop_extents(number, end, last_offset);
}

void ReplayedSubvolume::delete_xattrs(uint64_t inode) {
    std::vector<Key> gone;
    trees_.scan(tree_, {inode, type::xattr_item, 0}, {inode, type::xattr_item, last_offset}, [&](const Item& item) {
        if (!in_log(item.key)) gone.push_back(item.key);
        return true;
    });
    for (const Key& key : gone) (*overlay_)[key] = std::nullopt;
}

// DIR_LOG_INDEX items: ranges of the directory's indexes of which the log has all names there are.
void ReplayedSubvolume::delete_names(uint64_t directory) {
    std::vector<std::pair<std::string, Name>> gone;
    const auto first = std::ranges::lower_bound(*log_, Key{directory, type::dir_log_index, 0}, {}, &LogItem::key);
    for (auto range = first;
         range != log_->end() && range->key.objectid == directory && range->key.type == type::dir_log_index; ++range) {
        const Key from{directory, type::dir_index, range->key.offset},
            to{directory, type::dir_index, le64(range->bytes, 0)};
        trees_.scan(tree_, from, to, [&](const Item& item) {
            if (in_log(item.key)) return true;
            parse_directory_items(item.data, [&](const DirectoryItem& each) {
                gone.emplace_back(std::string(each.name), Name{item.key.offset, each.location});
            });
            return true;
        });
    }
    for (const auto& [name, old] : gone) unlink(directory, name, old);
}

void ReplayedSubvolume::replay_entry(const LogItem& item) {
    const uint64_t directory = item.key.objectid;
    if (!exists(directory)) return;
    parse_directory_items(item.bytes, [&](const DirectoryItem& each) {
        const Name fresh{item.key.offset, each.location};
        const std::string name(each.name);
        if (each.location.type == type::inode_item && !exists(each.location.objectid)) return;
        const auto old = find_name(directory, name);
        if (old && old->index == fresh.index && old->location == fresh.location) return;
        if (old) unlink(directory, name, *old);
        link(directory, name, fresh, little_endian<uint8_t>(item.bytes, 29));
    });
}

// What names an inode has in a directory: exactly those that the log says.
void ReplayedSubvolume::replay_references(const LogItem& item) {
    const uint64_t inode = item.key.objectid;
    if (!exists(inode)) return;
    std::vector<std::pair<uint64_t, std::string>> old;
    if (const auto before = bytes_of(item.key))
        parse_inode_references(item.key, *before, [&](const NameReference& each) {
            old.emplace_back(each.directory, std::string(each.name));
        });
    constexpr uint8_t kinds[] = {0, 5, 3, 0, 2, 0, 4, 0, 1, 0, 7, 0, 6}; // mode >> 12 to BTRFS_FT_…
    const auto stored = trees_.find(tree_, {inode, type::inode_item, 0});
    const uint32_t kind = le32(stored->data, 52) >> 12 & 0xf;
    parse_inode_references(item.key, item.bytes, [&](const NameReference& each) {
        const std::string name(each.name);
        std::erase(old, std::pair(each.directory, name));
        if (!exists(each.directory)) return;
        const Name fresh{each.index, {inode, type::inode_item, 0}};
        const auto there = find_name(each.directory, name);
        if (there && there->index == fresh.index && there->location == fresh.location) return;
        if (there) unlink(each.directory, name, *there);
        if (const auto other = bytes_of({each.directory, type::dir_index, each.index}))
            parse_directory_items(*other, [&](const DirectoryItem& entry) {
                unlink(each.directory, std::string(entry.name), {each.index, entry.location});
            });
        link(each.directory, name, fresh, kind < std::size(kinds) ? kinds[kind] : 0);
    });
    for (const auto& [directory, name] : old)
        if (const auto there = find_name(directory, name); there && there->location.objectid == inode)
            unlink(directory, name, *there);
    (*overlay_)[item.key] = item.bytes;
    counted_.insert(inode);
}

void ReplayedSubvolume::replay_extent(const LogItem& item) {
    const FileExtentItem extent = parse_file_extent(item.key, item.bytes);
    uint64_t end = extent.end();
    if (extent.in_item && end % sector_size_ != 0 && end <= last_offset - sector_size_)
        end += sector_size_ - end % sector_size_;
    drop_extents(item.key.objectid, extent.logical, end);
    (*overlay_)[item.key] = item.bytes;
}

void ReplayedSubvolume::drop_extents(uint64_t inode, uint64_t from, uint64_t end) {
    if (from >= end) return;
    const Key first{inode, type::extent_data, 0}, wanted{inode, type::extent_data, from};
    const auto before = trees_.find_last(tree_, first, wanted);
    std::vector<LogItem> met;
    trees_.scan(tree_, before ? before->key : wanted, {inode, type::extent_data, end - 1}, [&](const Item& item) {
        met.push_back({item.key, {item.data.begin(), item.data.end()}});
        return true;
    });
    for (LogItem& item : met) {
        const FileExtentItem extent = parse_file_extent(item.key, item.bytes);
        if (extent.end() <= from) continue;
        const bool splits = !extent.in_item;
        if (splits && extent.end() > end) {
            std::vector<std::byte> after = item.bytes;
            if (extent.address != 0) put(after, extent_offset_at, extent.offset + (end - extent.logical));
            put(after, extent_size_at, extent.end() - end);
            (*overlay_)[{inode, type::extent_data, end}] = std::move(after);
        }
        if (extent.logical < from) {
            if (!splits) continue;
            put(item.bytes, extent_size_at, from - extent.logical);
            (*overlay_)[item.key] = std::move(item.bytes);
        } else {
            (*overlay_)[item.key] = std::nullopt;
        }
    }
}

// Inodes that a name was taken from or given to: as many links as references, and none makes an orphan.
void ReplayedSubvolume::count_links(uint64_t inode) {
    const Key key{inode, type::inode_item, 0};
    auto bytes = bytes_of(key);
    if (!bytes) return;
    uint32_t links = 0;
    trees_.scan(tree_, {inode, type::inode_ref, 0}, {inode, type::inode_extref, last_offset}, [&](const Item& item) {
        parse_inode_references(item.key, item.data, [&](const NameReference&) { links++; });
        return true;
    });
    put(*bytes, inode_links_at, links);
    (*overlay_)[key] = std::move(*bytes);
    if (links == 0) (*overlay_)[{id::orphan, type::orphan_item, inode}] = std::vector<std::byte>{};
}

std::optional<ReplayedSubvolume::Name> ReplayedSubvolume::find_name(uint64_t directory, const std::string& name) {
    if (const auto changed = names_.find({directory, name}); changed != names_.end()) return changed->second;
    const auto item = trees_.find(tree_, {directory, type::dir_item, name_hash(name)});
    if (!item) return {};
    std::optional<Key> location;
    parse_directory_items(item->data, [&](const DirectoryItem& each) {
        if (each.name == name) location = each.location;
    });
    if (!location) return {};
    std::optional<uint64_t> index;
    if (location->type == type::inode_item) index = index_of(location->objectid, directory, name);
    return Name{index.value_or(0), *location};
}

std::optional<uint64_t> ReplayedSubvolume::index_of(uint64_t inode, uint64_t directory, const std::string& name) {
    std::optional<uint64_t> index;
    const auto look = [&](const Key& key) {
        const auto item = trees_.find(tree_, key);
        if (!item) return;
        parse_inode_references(key, item->data, [&](const NameReference& each) {
            if (each.directory == directory && each.name == name) index = each.index;
        });
    };
    look({inode, type::inode_ref, directory});
    if (!index)
        look({inode, type::inode_extref, crc32c(static_cast<uint32_t>(directory), std::as_bytes(std::span(name)))});
    return index;
}

void ReplayedSubvolume::unlink(uint64_t directory, const std::string& name, const Name& old) {
    (*overlay_)[{directory, type::dir_index, old.index}] = std::nullopt;
    names_[{directory, name}] = std::nullopt;
    grow(directory, -2 * static_cast<int64_t>(name.size()));
    if (old.location.type == type::inode_item) forget_reference(old.location.objectid, directory, name);
}

void ReplayedSubvolume::link(uint64_t directory, const std::string& name, const Name& fresh, uint8_t type) {
    std::vector<std::byte> item(30); // location, transaction, sizes, type; then the name
    put(item, 0, fresh.location.objectid);
    put(item, 8, fresh.location.type);
    put(item, 9, fresh.location.offset);
    put(item, 27, static_cast<uint16_t>(name.size()));
    put(item, 29, type);
    const auto bytes = std::as_bytes(std::span(name));
    item.insert(item.end(), bytes.begin(), bytes.end());
    (*overlay_)[{directory, type::dir_index, fresh.index}] = std::move(item);
    names_[{directory, name}] = fresh;
    grow(directory, 2 * static_cast<int64_t>(name.size()));
    const uint64_t inode = fresh.location.objectid;
    if (fresh.location.type != type::inode_item || index_of(inode, directory, name)) return;
    const Key key{inode, type::inode_ref, directory};
    std::vector<std::byte> references = bytes_of(key).value_or(std::vector<std::byte>{});
    std::vector<std::byte> reference(10);
    put(reference, 0, fresh.index);
    put(reference, 8, static_cast<uint16_t>(name.size()));
    references.insert(references.end(), reference.begin(), reference.end());
    references.insert(references.end(), bytes.begin(), bytes.end());
    (*overlay_)[key] = std::move(references);
    counted_.insert(inode);
}

void ReplayedSubvolume::forget_reference(uint64_t inode, uint64_t directory, const std::string& name) {
    const auto drop = [&](const Key& key) {
        const auto bytes = bytes_of(key);
        if (!bytes) return;
        std::vector<std::byte> rest;
        size_t at = 0;
        parse_inode_references(key, *bytes, [&](const NameReference& each) {
            const size_t size = (key.type == type::inode_extref ? 18 : 10) + each.name.size();
            const auto part = std::span(*bytes).subspan(at, size);
            if (each.directory != directory || each.name != name) rest.insert(rest.end(), part.begin(), part.end());
            at += size;
        });
        if (rest.size() == bytes->size()) return;
        (*overlay_)[key] = rest.empty() ? std::nullopt : std::optional(std::move(rest));
    };
    drop({inode, type::inode_ref, directory});
    drop({inode, type::inode_extref, crc32c(static_cast<uint32_t>(directory), std::as_bytes(std::span(name)))});
    counted_.insert(inode);
}

void ReplayedSubvolume::grow(uint64_t directory, int64_t bytes) {
    const Key key{directory, type::inode_item, 0};
    auto item = bytes_of(key);
    if (!item) return;
    const uint64_t size = parse_inode(*item).info.size;
    put(*item, inode_size_at,
        bytes < 0 && size < static_cast<uint64_t>(-bytes) ? 0 : size + static_cast<uint64_t>(bytes));
    (*overlay_)[key] = std::move(*item);
}

} // namespace kanshiki::btrfs
