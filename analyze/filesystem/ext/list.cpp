// Directories: names in use, then what is left of deleted ones.

#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/ext/checksum.h"
#include "analyze/filesystem/ext/ext_file_system.h"

#include <algorithm>
#include <set>

namespace kanshiki::ext {
namespace {

FileType type_of(uint8_t stored) {
    static constexpr FileType types[] = {FileType::unknown, FileType::regular, FileType::directory, FileType::character,
                                         FileType::block,   FileType::fifo,    FileType::socket,    FileType::symlink};
    return types[stored & 7];
}

// Neither is stored by a sane system: the one would forge a path, the other end it.
void assign_name(std::string& into, std::string_view name) {
    into.assign(name);
    for (char& each : into)
        if (each == '/' || each == '\0') each = '_';
}

bool is_dots(std::string_view name) { return name == "." || name == ".."; }

} // namespace

DirectoryLayout ExtFileSystem::layout(const File& directory) const {
    const Superblock& super = disk_.super();
    const uint32_t both = flag_encrypted | flag_casefold;
    return {super.block_size, super.inodes, super.has(incompatible::file_type), (directory.inode.flags & both) == both};
}

std::string ExtFileSystem::directory_blocks(const File& directory, const DirectoryBlock& block) {
    if (directory.inode.flags & flag_inline) {
        // "Inline Data": the parent's number stands where "." and ".." would; then a run of entries here, one there.
        const std::string bytes = content(directory).inline_bytes;
        const auto all = std::as_bytes(std::span(bytes));
        if (all.size() < 4) return "it is too short";
        const size_t here = std::min(all.size(), directory.inode.block.size());
        block(all.subspan(4, here - 4), 0);
        if (all.size() > here) block(all.subspan(here), 1);
        return {};
    }
    const uint64_t size = disk_.super().block_size, count = directory.inode.info.size / size;
    const std::vector<BlockRun> runs = content(directory).runs;
    std::vector<std::byte> bytes(static_cast<size_t>(size));
    uint64_t backed = 0;
    for (const BlockRun& run : runs) {
        if (run.unwritten) continue;
        for (uint64_t at = 0; at < run.count && run.logical + at < count; at++, backed++) {
            std::ranges::copy(disk_.block(run.physical + at), bytes.begin()); // entries may be asked about in between
            block(bytes, run.logical + at);
        }
    }
    if (backed == count && directory.inode.info.size % size == 0) return {};
    return "a directory of " + std::to_string(directory.inode.info.size) + " bytes with blocks for only " +
           std::to_string(backed * size);
}

void ExtFileSystem::check_directory_block(const File& directory, std::span<const std::byte> bytes, uint64_t index) {
    const Superblock& super = disk_.super();
    if (!super.metadata_checksums() || (directory.inode.flags & flag_inline)) return;
    const uint32_t seed =
        inode_seed(super.checksum_seed, static_cast<uint32_t>(directory.number), directory.inode.generation);
    if (!directory_checksum_right(bytes, index == 0, seed))
        disk_.warn(info_.type + " inode " + std::to_string(directory.number) + ": block " + std::to_string(index) +
                   " of the directory has a wrong checksum");
}

// An older copy of a name that is there still (a split moves names to another block) is no deleted file.
void ExtFileSystem::drop_those_in_use(const File& directory, std::vector<StaleEntry>& stale) {
    std::set<std::pair<uint32_t, std::string>> left;
    for (const StaleEntry& each : stale) left.emplace(each.inode, each.name);
    std::set<std::pair<uint32_t, std::string>> used;
    const DirectoryLayout form = layout(directory);
    directory_blocks(directory, [&](std::span<const std::byte> bytes, uint64_t) {
        live_entries(bytes, form, [&](const RawEntry& each) {
            std::pair<uint32_t, std::string> key{each.inode, each.name};
            if (left.contains(key)) used.insert(std::move(key));
        });
    });
    std::erase_if(stale, [&](const StaleEntry& each) {
        const std::pair key{each.inode, each.name};
        return used.contains(key) || left.erase(key) == 0; // the same left-over twice
    });
}

Certainty ExtFileSystem::certainty_of(const StaleEntry& entry) {
    if (entry.inode == 0 || disk_.inode_used(entry.inode)) return Certainty::possible;
    const Inode inode = parse_inode(disk_.inode_bytes(entry.inode));
    const bool fits = entry.type == 0 || type_of(entry.type) == inode.info.type;
    return fits && inode.deletion != 0 ? Certainty::likely : Certainty::possible;
}

void ExtFileSystem::list(uint64_t handle, const std::function<void(const DirectoryEntry&)>& entry) {
    const File directory = open(handle);
    if (directory.inode.info.type != FileType::directory) fail(directory.number, "is no directory");
    if (is_copy(handle)) return list_copy(directory, entry);
    const DirectoryLayout form = layout(directory);
    std::vector<StaleEntry> stale;
    std::string wrong;
    DirectoryEntry each;
    const auto live = [&](const RawEntry& raw) {
        if (is_dots(raw.name)) return;
        assign_name(each.name, raw.name);
        each.inode = raw.inode;
        each.type = type_of(raw.type);
        entry(each);
    };
    of_inode(directory.number, [&] {
        const std::string missing = directory_blocks(directory, [&](std::span<const std::byte> bytes, uint64_t index) {
            check_directory_block(directory, bytes, index);
            if (const auto damage = live_entries(bytes, form, live); damage && wrong.empty())
                wrong = "block " + std::to_string(index) + ", " + *damage;
            const bool in_blocks = !(directory.inode.flags & flag_inline);
            if (in_blocks && kind_of_block(bytes, index == 0) != BlockKind::leaf) return;
            stale_entries(bytes, form, [&](const RawEntry& raw) {
                stale.push_back({raw.inode, std::string(raw.name), raw.type});
            });
        });
        if (wrong.empty()) wrong = missing;
    });
    if (!stale.empty()) drop_those_in_use(directory, stale);
    each.deleted = true;
    for (const StaleEntry& left : stale) {
        assign_name(each.name, left.name);
        each.inode = left.inode;
        each.type = type_of(left.type);
        each.certainty = certainty_of(left);
        entry(each);
    }
    if (!wrong.empty()) fail(directory.number, "the directory is damaged: " + wrong);
    if (directory.inode.flags & flag_encrypted)
        fail(directory.number, "is encrypted (fscrypt): its names and contents are ciphertext");
}

} // namespace kanshiki::ext
