#include "analyze/filesystem/ext/ext_file_system.h"

#include "analyze/filesystem/bytes.h"

#include <algorithm>

namespace kanshiki::ext {
namespace {

constexpr uint64_t longest_symlink = 64 * 1024; // a block; the kernel refuses longer ones

} // namespace

ExtFileSystem::ExtFileSystem(const BlockSource& source, std::unique_ptr<VolumeReader> reader, const Superblock& super)
    : disk_(std::move(reader), super), shared_(shared_for(source, disk_.reader().volume())) {
    info_.type = super.type;
    info_.label = super.label;
    info_.uuid = super.uuid;
    info_.block_size = super.block_size;
    info_.range = disk_.reader().volume();
    if (super.blocks < info_.range.size / super.block_size) info_.range.size = super.blocks * super.block_size;
    info_.notices = superblock_notices(super);
    const uint64_t held = disk_.reader().size() / super.block_size;
    if (super.blocks > held)
        info_.notices.push_back("it has " + std::to_string(super.blocks) + " blocks, the volume only " +
                                std::to_string(held) + ": the rest is missing");
    replay();
}

void ExtFileSystem::fail(uint64_t number, const std::string& what) const {
    throw Error(ExitCode::never_valid, info_.type + " inode " + std::to_string(number) + ": " + what);
}

ExtFileSystem::File ExtFileSystem::open(uint64_t handle) {
    File file;
    file.handle = handle;
    file.number = is_copy(handle) ? number_of(handle) : handle;
    const auto bytes = bytes_of(file);
    file.inode = parse_inode(bytes);
    if (disk_.super().metadata_checksums() && file.inode.used &&
        !inode_checksum_right(bytes, static_cast<uint32_t>(file.number), disk_.super().checksum_seed))
        disk_.warn(info_.type + " inode " + std::to_string(file.number) + ": its checksum is wrong");
    return file;
}

// "Inline Data": 60 bytes in i_block, the rest in an extended attribute of the inode.
std::string ExtFileSystem::inline_content(const File& file) {
    const uint64_t size = file.inode.info.size;
    std::string bytes(reinterpret_cast<const char*>(file.inode.block.data()), file.inode.block.size());
    if (size <= bytes.size()) return bytes.substr(0, static_cast<size_t>(size));
    of_inode(file.number, [&] {
        xattrs_in_inode(bytes_of(file), file.inode.extra_size, [&](const RawXattr& each) {
            if (is_inline_data(each)) bytes.append(reinterpret_cast<const char*>(each.value.data()), each.value.size());
        });
    });
    if (bytes.size() < size)
        fail(file.number,
             std::to_string(size) + " bytes, of which only " + std::to_string(bytes.size()) + " stand in the inode");
    bytes.resize(static_cast<size_t>(size));
    return bytes;
}

const ExtFileSystem::Content& ExtFileSystem::content(const File& file) {
    if (content_.handle == file.handle) return content_;
    content_ = {};
    if (file.inode.flags & flag_inline)
        content_.inline_bytes = inline_content(file);
    else if (file.inode.fast_link())
        content_.inline_bytes.assign(reinterpret_cast<const char*>(file.inode.block.data()),
                                     static_cast<size_t>(file.inode.info.size));
    else if (file.inode.has_blocks())
        content_.runs = runs_of(file);
    content_.handle = file.handle;
    return content_;
}

FileInfo ExtFileSystem::stat(uint64_t handle) {
    File file = open(handle);
    FileInfo& info = file.inode.info;
    info.inode = file.number;
    info.allocated = !is_copy(handle) && disk_.inode_used(file.number);
    // Of an inode that is allocated i_dtime is the next one's number in the orphan list, not a time.
    const uint32_t deletion = is_copy(handle) ? deletion_of(file) : file.inode.deletion;
    if (!info.allocated && deletion != 0) info.deleted = Timestamp{deletion, 0};
    if (info.type == FileType::symlink) info.symlink_target = symlink_target(file);
    return std::move(info);
}

std::string ExtFileSystem::symlink_target(const File& file) {
    if (file.inode.flags & flag_encrypted) return {}; // ciphertext; info.attributes says so
    const uint64_t size = file.inode.info.size;
    if (size > longest_symlink) fail(file.number, "a symbolic link of " + std::to_string(size) + " bytes");
    std::string target(static_cast<size_t>(size), '\0');
    target.resize(read(file.handle, 0, std::as_writable_bytes(std::span(target))));
    return target;
}

std::vector<FileSystem::FileExtent> ExtFileSystem::extents(uint64_t handle) {
    const uint64_t block = disk_.super().block_size;
    std::vector<FileExtent> found;
    const auto add = [&](uint64_t logical, uint64_t physical, uint64_t count, bool sparse) {
        found.push_back({logical * block, {info_.range.offset + physical * block, count * block}, sparse});
    };
    for (const BlockRun& run : content(open(handle)).runs) {
        // data=journal: what the journal holds newer is where the content lies.
        uint64_t at = 0;
        const auto& newer = disk_.overlay().blocks;
        for (auto each = std::ranges::lower_bound(newer, run.physical, {}, &Overlay::Block::block);
             each != newer.end() && each->block < run.physical + run.count && !run.unwritten; ++each) {
            const uint64_t inside = each->block - run.physical;
            if (each->tag.escaped) return {}; // its bytes lie nowhere as they are; read() knows
            if (inside > at) add(run.logical + at, run.physical + at, inside - at, false);
            add(run.logical + inside, each->at, 1, false);
            at = inside + 1;
        }
        if (at < run.count) add(run.logical + at, run.physical + at, run.count - at, run.unwritten);
    }
    return found;
}

void ExtFileSystem::read_runs(const std::vector<BlockRun>& runs, uint64_t offset, std::span<std::byte> into) {
    const uint64_t block = disk_.super().block_size, end = offset + into.size();
    std::ranges::fill(into, std::byte{0});
    auto run = std::ranges::upper_bound(runs, offset / block, {}, &BlockRun::logical);
    if (run != runs.begin()) --run;
    for (; run != runs.end() && run->logical * block < end; ++run) {
        const uint64_t from = std::max(offset, run->logical * block);
        const uint64_t to = std::min(end, (run->logical + run->count) * block);
        if (from >= to || run->unwritten) continue;
        disk_.read_content(run->physical * block + (from - run->logical * block),
                           into.subspan(static_cast<size_t>(from - offset), static_cast<size_t>(to - from)));
    }
}

size_t ExtFileSystem::read(uint64_t handle, uint64_t offset, std::span<std::byte> into) {
    const File file = open(handle);
    const uint64_t size = file.inode.info.size;
    // Ciphertext and what is compressed must not pass as content.
    if (file.inode.flags & flag_encrypted) fail(file.number, "is encrypted (fscrypt)");
    if ((file.inode.flags & flag_compressed) && disk_.super().has(incompatible::compression))
        fail(file.number, "is compressed (e2compr)");
    if (offset >= size || into.empty()) return 0;
    into = into.first(static_cast<size_t>(std::min<uint64_t>(into.size(), size - offset)));
    const Content& found = content(file);
    if (file.inode.has_blocks()) {
        of_inode(file.number, [&] { read_runs(found.runs, offset, into); });
        return into.size();
    }
    if (offset >= found.inline_bytes.size()) return 0; // a device, a fifo: no content whatever the size says
    const auto rest = std::as_bytes(std::span(found.inline_bytes)).subspan(static_cast<size_t>(offset));
    const auto part = rest.first(std::min(rest.size(), into.size()));
    std::ranges::copy(part, into.begin());
    return part.size();
}

// The value itself where it stands in an inode of its own (ea_inode).
std::string ExtFileSystem::value_of(const RawXattr& attribute) {
    if (attribute.value_inode == 0) return xattr_value(attribute, attribute.value);
    constexpr uint64_t longest = 1024 * 1024; // the kernel takes 64 KiB
    const File value = open(attribute.value_inode);
    if (!(value.inode.flags & flag_ea_inode)) fail(value.number, "is no inode of an extended attribute's value");
    if (attribute.value_size > longest || value.inode.info.size < attribute.value_size)
        fail(value.number, "an extended attribute of " + std::to_string(attribute.value_size) + " bytes");
    std::string bytes(static_cast<size_t>(attribute.value_size), '\0');
    read(value.handle, 0, std::as_writable_bytes(std::span(bytes)));
    return xattr_value(attribute, std::as_bytes(std::span(bytes)));
}

void ExtFileSystem::xattrs(uint64_t handle, const std::function<void(const Xattr&)>& attribute) {
    const File file = open(handle);
    // Copied: values in inodes of their own are read in between.
    const auto give = [&](const RawXattr& each) {
        if (!is_internal(each)) attribute({xattr_name(each), value_of(each)});
    };
    of_inode(file.number, [&] {
        const auto inode = bytes_of(file);
        const std::vector<std::byte> bytes(inode.begin(), inode.end());
        xattrs_in_inode(bytes, file.inode.extra_size, give);
        if (file.inode.attribute_block == 0) return;
        const std::vector<std::byte> block = block_for(file, file.inode.attribute_block);
        const Superblock& super = disk_.super();
        if (super.metadata_checksums() &&
            !xattr_block_checksum_right(block, file.inode.attribute_block, super.checksum_seed))
            disk_.warn(info_.type + " inode " + std::to_string(file.number) + ": its extended attributes in block " +
                       std::to_string(file.inode.attribute_block) + " have a wrong checksum");
        xattrs_in_block(block, give);
    });
}

} // namespace kanshiki::ext
