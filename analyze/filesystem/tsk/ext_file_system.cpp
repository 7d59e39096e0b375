#include "analyze/filesystem/tsk/ext_file_system.h"

#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki::tsk {
namespace {

constexpr uint64_t longest_symlink = 64 * 1024; // a block; the kernel refuses longer ones

// libtsk frees these with free().
template<class T>
T* allocate() {
    auto* memory = static_cast<T*>(calloc(1, sizeof(T)));
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

} // namespace

ExtFileSystem::ExtFileSystem(std::unique_ptr<Image> image, TSK_FS_INFO* fs) : TskFileSystem(std::move(image), fs) {
    std::array<std::byte, 1024> bytes;
    reader().read(1024, bytes);
    super_ = ext::parse_superblock(bytes);
    info_.type = super_.type;
    info_.label = super_.label;
    info_.uuid = super_.uuid;
    image_->owner = this;
    image_->notes = false; // our own reads tell exactly what is missing of which file
    original_load_ = fs_->load_attrs;
    fs_->load_attrs = load_blocks;
}

const ext::Group& ExtFileSystem::group(uint64_t index) {
    if (group_index_ != index) {
        group_index_ = ~uint64_t{0};
        group_ = ext::read_group(super_, reader(), index);
        group_index_ = index;
    }
    return group_;
}

ext::Inode ExtFileSystem::inode(uint64_t number) {
    if (number == 0 || number > super_.inodes) fail(number, "is beyond the last, " + std::to_string(super_.inodes));
    const uint64_t index = (number - 1) % super_.inodes_per_group;
    const uint64_t table = group((number - 1) / super_.inodes_per_group).inode_table * super_.block_size;
    std::array<std::byte, 256> bytes; // no field lies further
    const auto used = std::span(bytes).first(std::min<size_t>(super_.inode_size, bytes.size()));
    reader().read(table + index * super_.inode_size, used);
    return ext::parse_inode(used);
}

bool ExtFileSystem::allocated(uint64_t number) {
    const uint64_t index = (number - 1) / super_.inodes_per_group, bit = (number - 1) % super_.inodes_per_group;
    if (bitmap_index_ != index) {
        bitmap_index_ = ~uint64_t{0};
        bitmap_.assign(super_.block_size, std::byte{0});
        const ext::Group& found = group(index);
        if (!found.inodes_uninitialised) reader().read(found.inode_bitmap * super_.block_size, bitmap_);
        bitmap_index_ = index;
    }
    return std::to_integer<unsigned>(bitmap_[bit / 8]) >> bit % 8 & 1;
}

std::vector<ext::BlockRun> ExtFileSystem::runs(uint64_t number, const ext::Inode& inode) {
    const ext::Geometry geometry{super_.block_size, super_.blocks};
    const auto read = [&](uint64_t block, std::span<std::byte> into) {
        reader().read(block * super_.block_size, into);
    };
    try {
        if (inode.flags & ext::flag_extents) return ext::walk_extents(inode.block, geometry, read);
        return ext::walk_indirect(inode.block, inode.info.size, geometry, read);
    } catch (const Error& error) {
        throw Error(error.code(), info_.type + " inode " + std::to_string(number) + ": " + error.what());
    }
}

FileInfo ExtFileSystem::stat(uint64_t number) {
    const ext::Inode found = inode(number);
    FileInfo info = found.info;
    info.inode = number;
    info.allocated = allocated(number);
    // Of an inode that is allocated i_dtime is the next one's number in the orphan list, not a time.
    if (!info.allocated && found.deletion != 0) info.deleted = Timestamp{found.deletion, 0};
    if (info.type == FileType::symlink) symlink(number, found, info);
    return info;
}

// "Symbolic Links": below 60 bytes the target stands in i_block, else in the file's content.
void ExtFileSystem::symlink(uint64_t number, const ext::Inode& inode, FileInfo& info) {
    const bool in_blocks =
        (inode.flags & (ext::flag_extents | ext::flag_inline)) != 0 || info.size >= inode.block.size();
    if (!in_blocks) {
        info.symlink_target.assign(reinterpret_cast<const char*>(inode.block.data()), static_cast<size_t>(info.size));
        return;
    }
    if (info.size > longest_symlink) fail(number, "a symbolic link of " + std::to_string(info.size) + " bytes");
    std::string target(static_cast<size_t>(info.size), '\0');
    read(number, 0, std::as_writable_bytes(std::span(target)));
    info.symlink_target = std::move(target);
}

std::vector<FileSystem::FileExtent> ExtFileSystem::extents(uint64_t number) {
    if (number != 0 && extents_of_ == number) return extents_;
    const ext::Inode found = inode(number);
    extents_of_ = 0;
    extents_.clear();
    const bool has_blocks = found.info.type == FileType::regular || found.info.type == FileType::directory ||
                            found.info.type == FileType::symlink;
    const bool fast_link = found.info.type == FileType::symlink && !(found.flags & ext::flag_extents) &&
                           found.info.size < found.block.size();
    if (has_blocks && !fast_link && !(found.flags & ext::flag_inline)) {
        for (const ext::BlockRun& run : runs(number, found))
            extents_.push_back({run.logical * super_.block_size,
                                {info_.range.offset + run.physical * super_.block_size, run.count * super_.block_size},
                                run.unwritten});
    }
    extents_of_ = number;
    return extents_;
}

size_t ExtFileSystem::read(uint64_t number, uint64_t offset, std::span<std::byte> into) {
    const ext::Inode found = inode(number);
    if (found.flags & ext::flag_encrypted)
        fail(number, "is encrypted (fscrypt)"); // ciphertext must not pass as content
    if (found.flags & ext::flag_inline) return TskFileSystem::read(number, offset, into);
    if (offset >= found.info.size || into.empty()) return 0;
    const bool fast_link = found.info.type == FileType::symlink && !(found.flags & ext::flag_extents) &&
                           found.info.size < found.block.size();
    if (fast_link) {
        const auto rest = std::span(found.block).subspan(offset, static_cast<size_t>(found.info.size - offset));
        const auto part = rest.first(std::min(rest.size(), into.size()));
        std::ranges::copy(part, into.begin());
        return part.size();
    }
    if (extents_of_ != number) extents(number);
    return read_extents(extents_, found.info.size, found.info.size, offset, into);
}

void ExtFileSystem::list(uint64_t directory, const std::function<void(const DirectoryEntry&)>& entry) {
    const ext::Inode found = inode(directory);
    if (found.info.type != FileType::directory) fail(directory, "is no directory");
    // A directory has no holes. libtsk would walk as many blocks as the size claims, so it must be backed by blocks.
    if (!(found.flags & ext::flag_inline)) {
        uint64_t backed = 0;
        for (const FileExtent& extent : extents(directory)) backed += extent.range.size;
        if (found.info.size > backed)
            fail(directory, "a directory of " + std::to_string(found.info.size) + " bytes with blocks for only " +
                                std::to_string(backed));
    }
    list_names(directory, entry);
    touch(extents(directory));
    if (found.flags & ext::flag_encrypted)
        fail(directory, "is encrypted (fscrypt): its names and contents are ciphertext");
}

// Reads blocks only to learn whether they can be read.
void ExtFileSystem::touch(const std::vector<FileExtent>& extents) {
    std::vector<std::byte> block(super_.block_size);
    for (const FileExtent& extent : extents)
        for (uint64_t at = 0; !extent.sparse && at < extent.range.size; at += block.size())
            reader().read(extent.range.offset - info_.range.offset + at, block);
}

void ExtFileSystem::orphans(const std::function<bool(uint64_t)>& named,
                            const std::function<void(const DirectoryEntry&)>& entry) {
    for (uint64_t index = 0; index < super_.groups(); index++) orphans_of(index, named, entry);
}

void ExtFileSystem::orphans_of(uint64_t index, const std::function<bool(uint64_t)>& named,
                               const std::function<void(const DirectoryEntry&)>& entry) {
    const ext::Group found = group(index);
    // Inodes that were never used need not be looked at: the group descriptor counts them.
    if (found.inodes_uninitialised || found.unused_inodes >= super_.inodes_per_group) return;
    const uint64_t first = index * super_.inodes_per_group + 1;
    const uint64_t end =
        std::min<uint64_t>(first + super_.inodes_per_group - found.unused_inodes, uint64_t{super_.inodes} + 1);
    for (uint64_t number = std::max<uint64_t>(first, super_.first_inode); number < end; number++) {
        if (allocated(number) || named(number)) continue;
        const ext::Inode candidate = inode(number);
        if (!candidate.used) continue;
        entry({"OrphanFile-" + std::to_string(number), number, candidate.info.type, true});
    }
}

uint8_t ExtFileSystem::load_blocks(TSK_FS_FILE* file) {
    auto& image = *reinterpret_cast<Image*>(file->fs_info->img_info);
    auto& self = *static_cast<ExtFileSystem*>(image.owner);
    try {
        return self.load(*file);
    } catch (...) {
        image.failure = std::current_exception();
        file->meta->attr_state = TSK_FS_META_ATTR_ERROR;
        return 1;
    }
}

uint8_t ExtFileSystem::load(TSK_FS_FILE& file) {
    TSK_FS_META& meta = *file.meta;
    if (meta.content_type == TSK_FS_META_CONTENT_TYPE_EXT4_INLINE) return original_load_(&file);
    if (meta.attr != nullptr && meta.attr_state == TSK_FS_META_ATTR_STUDIED) return 0;
    if (meta.attr_state == TSK_FS_META_ATTR_ERROR) return 1;
    const std::vector<FileExtent>& found = extents_of_ == meta.addr ? extents_ : (extents(meta.addr), extents_);

    if (meta.attr == nullptr) meta.attr = allocate<TSK_FS_ATTRLIST>();
    TSK_FS_ATTR*& attribute = meta.attr->head; // of a reused list: the first is taken again
    if (attribute == nullptr) attribute = allocate<TSK_FS_ATTR>();
    for (TSK_FS_ATTR_RUN* run = attribute->nrd.run; run != nullptr;) free(std::exchange(run, run->next));
    attribute->nrd = {};
    attribute->fs_file = &file;
    attribute->flags = static_cast<TSK_FS_ATTR_FLAG_ENUM>(TSK_FS_ATTR_INUSE | TSK_FS_ATTR_NONRES);
    attribute->type = TSK_FS_ATTR_TYPE_DEFAULT;
    attribute->id = TSK_FS_ATTR_ID_DEFAULT;
    attribute->size = attribute->nrd.initsize = meta.size;
    const uint64_t block = super_.block_size;
    uint64_t next = 0; // block of the file
    const auto append = [&](uint64_t offset, uint64_t address, uint64_t count, bool sparse) {
        auto* run = allocate<TSK_FS_ATTR_RUN>();
        run->offset = offset;
        run->addr = address;
        run->len = count;
        run->flags = sparse ? TSK_FS_ATTR_RUN_FLAG_SPARSE : TSK_FS_ATTR_RUN_FLAG_NONE;
        (attribute->nrd.run_end == nullptr ? attribute->nrd.run : attribute->nrd.run_end->next) = run;
        attribute->nrd.run_end = run;
        next = offset + count;
    };
    for (const FileExtent& extent : found) {
        const uint64_t offset = extent.logical / block;
        if (offset > next) append(next, 0, offset - next, true);
        append(offset, (extent.range.offset - info_.range.offset) / block, extent.range.size / block, extent.sparse);
    }
    const uint64_t whole = (static_cast<uint64_t>(meta.size) + block - 1) / block;
    if (whole > next) append(next, 0, whole - next, true);
    attribute->nrd.allocsize = static_cast<TSK_OFF_T>(next * block);
    meta.attr_state = TSK_FS_META_ATTR_STUDIED;
    return 0;
}

} // namespace kanshiki::tsk
