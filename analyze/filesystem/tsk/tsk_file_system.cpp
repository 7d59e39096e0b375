#include "analyze/filesystem/tsk/tsk_file_system.h"

#include "analyze/filesystem/tsk/limits.h"
#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki::tsk {
namespace {

// An NTFS stream's number: its attribute's id, plus one, above the 48 bits of an MFT record's.
constexpr unsigned stream_shift = 48;
constexpr uint64_t record_mask = (uint64_t{1} << stream_shift) - 1;
constexpr size_t most_warnings = 1000; // kept until they are taken
constexpr TSK_OFF_T longest_xattr = 16 * 1024 * 1024;

FileType name_type(TSK_FS_NAME_TYPE_ENUM type) {
    switch (type) {
    case TSK_FS_NAME_TYPE_REG:
        return FileType::regular;
    case TSK_FS_NAME_TYPE_DIR:
        return FileType::directory;
    case TSK_FS_NAME_TYPE_LNK:
        return FileType::symlink;
    case TSK_FS_NAME_TYPE_CHR:
        return FileType::character;
    case TSK_FS_NAME_TYPE_BLK:
        return FileType::block;
    case TSK_FS_NAME_TYPE_FIFO:
        return FileType::fifo;
    case TSK_FS_NAME_TYPE_SOCK:
        return FileType::socket;
    default:
        return FileType::unknown;
    }
}

FileType meta_type(TSK_FS_META_TYPE_ENUM type) {
    switch (type) {
    case TSK_FS_META_TYPE_REG:
        return FileType::regular;
    case TSK_FS_META_TYPE_DIR:
        return FileType::directory;
    case TSK_FS_META_TYPE_LNK:
        return FileType::symlink;
    case TSK_FS_META_TYPE_CHR:
        return FileType::character;
    case TSK_FS_META_TYPE_BLK:
        return FileType::block;
    case TSK_FS_META_TYPE_FIFO:
        return FileType::fifo;
    case TSK_FS_META_TYPE_SOCK:
        return FileType::socket;
    default:
        return FileType::unknown;
    }
}

std::optional<Timestamp> timestamp(time_t seconds, time_t nanoseconds) {
    if (seconds == 0 && nanoseconds == 0) return std::nullopt; // libtsk's way to say that there is none
    return Timestamp{seconds, nanoseconds >= 0 && nanoseconds < 1'000'000'000 ? static_cast<uint32_t>(nanoseconds) : 0};
}

bool is_virtual(const TSK_FS_NAME& name) {
    return name.type == TSK_FS_NAME_TYPE_VIRT || name.type == TSK_FS_NAME_TYPE_VIRT_DIR;
}

} // namespace

struct TskFileSystem::Content {
    const TSK_FS_ATTR* attribute = nullptr;
    uint64_t size = 0, initialised = 0;
    bool direct = false; // extents say it all; else libtsk must read (resident, compressed)
    std::vector<FileExtent> extents;
};

TskFileSystem::TskFileSystem(std::unique_ptr<Image> image, TSK_FS_INFO* fs) : image_(std::move(image)), fs_(fs) {
    const char* type = tsk_fs_type_toname(fs_->ftype);
    info_.type = type == nullptr ? "unknown" : type;
    info_.block_size = fs_->block_size;
    info_.range = image_->reader.volume();
    if (fs_->block_size != 0 && fs_->block_count < info_.range.size / fs_->block_size)
        info_.range.size = fs_->block_count * fs_->block_size;
    static constexpr char digits[] = "0123456789abcdef";
    for (size_t index = std::min<size_t>(fs_->fs_id_used, sizeof fs_->fs_id); index-- > 0;) {
        info_.uuid += digits[fs_->fs_id[index] >> 4];
        info_.uuid += digits[fs_->fs_id[index] & 15];
    }
    info_.notices = limits_of(fs_->ftype, image_->reader);
}

TskFileSystem::~TskFileSystem() {
    content_.reset();
    file_.reset();
    tsk_fs_close(fs_);
}

void TskFileSystem::fail(uint64_t inode, const std::string& what) {
    image_->rethrow();
    throw Error(ExitCode::never_valid, info_.type + " inode " + std::to_string(inode & record_mask) + ": " + what);
}

void TskFileSystem::list_names(uint64_t directory, const std::function<void(const DirectoryEntry&)>& entry) {
    // Through the file system's own table: tsk_fs_dir_open_meta throws away what it has when a directory is damaged.
    TSK_FS_DIR* opened = nullptr;
    const TSK_RETVAL_ENUM result = fs_->dir_open_meta(fs_, &opened, directory, 0);
    const std::unique_ptr<TSK_FS_DIR, decltype(&tsk_fs_dir_close)> holder(opened, tsk_fs_dir_close);
    const std::string error = result == TSK_OK ? "" : last_error();
    for (size_t index = 0; opened != nullptr && index < opened->names_used; index++) {
        const TSK_FS_NAME& name = opened->names[index];
        if (name.name == nullptr || is_virtual(name)) continue;
        DirectoryEntry each{name.name, name.meta_addr, name_type(name.type),
                            (name.flags & TSK_FS_NAME_FLAG_UNALLOC) != 0};
        if (each.name.empty() || each.name == "." || each.name == "..") continue;
        if (may_be_cut(fs_->ftype, each.name) && warnings_.size() < most_warnings)
            warnings_.push_back("directory " + std::to_string(directory & record_mask) +
                                ": a long name has 195 characters and may have been longer: libtsk cuts there");
        std::ranges::replace(each.name, '/', '_'); // never stored by a sane system; would forge a path
        entry(each);
    }
    image_->rethrow();
    if (result != TSK_OK) fail(directory, "the directory is damaged: " + error);
}

void TskFileSystem::list(uint64_t directory, const std::function<void(const DirectoryEntry&)>& entry) {
    list_names(directory, entry);
}

TSK_FS_FILE& TskFileSystem::open(uint64_t inode) {
    if (file_ && opened_ == inode) return *file_;
    content_.reset();
    opened_ = 0;
    const uint64_t address = inode & record_mask;
    if (TSK_FS_FILE* reused = tsk_fs_file_open_meta(fs_, file_.get(), address)) {
        if (reused != file_.get()) file_.reset(reused);
    } else {
        const std::string error = last_error();
        file_.reset();
        fail(inode, error);
    }
    if (file_->meta == nullptr) fail(inode, "has no metadata");
    image_->rethrow();
    opened_ = inode;
    return *file_;
}

FileInfo TskFileSystem::stat(uint64_t inode) {
    const TSK_FS_META& meta = *open(inode).meta;
    FileInfo result;
    result.inode = inode & record_mask;
    result.type = meta_type(meta.type);
    result.mode = static_cast<uint32_t>(meta.mode) & 07777;
    result.uid = meta.uid;
    result.gid = meta.gid;
    result.links = meta.nlink < 0 ? 0 : static_cast<uint32_t>(meta.nlink);
    result.size = meta.size < 0 ? 0 : static_cast<uint64_t>(meta.size);
    result.modified = timestamp(meta.mtime, meta.mtime_nano);
    result.accessed = timestamp(meta.atime, meta.atime_nano);
    result.changed = timestamp(meta.ctime, meta.ctime_nano);
    result.created = timestamp(meta.crtime, meta.crtime_nano);
    result.allocated = (meta.flags & TSK_FS_META_FLAG_ALLOC) != 0;
    if (meta.link != nullptr) result.symlink_target = meta.link;
    if (inode > record_mask) result.size = content(inode).size;
    return result;
}

void TskFileSystem::streams(uint64_t inode, const std::function<void(const DirectoryEntry&)>& entry) {
    if (!TSK_FS_TYPE_ISNTFS(fs_->ftype) || inode > record_mask) return;
    TSK_FS_FILE& file = open(inode);
    const int count = tsk_fs_file_attr_getsize(&file);
    for (int index = 0; index < count; index++) {
        const TSK_FS_ATTR* attribute = tsk_fs_file_attr_get_idx(&file, index);
        if (attribute == nullptr || attribute->type != TSK_FS_ATTR_TYPE_NTFS_DATA) continue;
        if (attribute->name == nullptr || attribute->name[0] == '\0') continue;
        if (attribute->id == UINT16_MAX) fail(inode, "has a stream with attribute id 65535");
        std::string name = attribute->name;
        std::ranges::replace(name, '/', '_');
        entry({name, inode | (uint64_t{attribute->id} + 1) << stream_shift, FileType::regular, false});
    }
}

TskFileSystem::Content& TskFileSystem::content(uint64_t inode) {
    TSK_FS_FILE& file = open(inode);
    if (content_) return *content_;
    const TSK_FS_ATTR* attribute =
        inode > record_mask ? tsk_fs_file_attr_get_id(&file, static_cast<uint16_t>((inode >> stream_shift) - 1))
                            : tsk_fs_file_attr_get(&file);
    auto fresh = std::make_unique<Content>();
    if (attribute == nullptr) {
        const std::string error = last_error();
        if (file.meta->size != 0) fail(inode, "its content cannot be found: " + error);
        image_->rethrow();
        return *(content_ = std::move(fresh));
    }
    fresh->attribute = attribute;
    fresh->size = attribute->size < 0 ? 0 : static_cast<uint64_t>(attribute->size);
    const uint64_t block = fs_->block_size;
    if (attribute->flags & TSK_FS_ATTR_NONRES) {
        fresh->initialised = static_cast<uint64_t>(std::max<TSK_OFF_T>(attribute->nrd.initsize, 0));
        for (const TSK_FS_ATTR_RUN* run = attribute->nrd.run; run != nullptr; run = run->next) {
            if (run->flags & TSK_FS_ATTR_RUN_FLAG_FILLER) fail(inode, "part of its block list is missing");
            const bool sparse = (run->flags & TSK_FS_ATTR_RUN_FLAG_SPARSE) != 0;
            const uint64_t most = reader().size() / block;
            if (!sparse && (run->addr > most || run->len > most - run->addr))
                fail(inode, "its content lies beyond the volume, at block " + std::to_string(run->addr));
            if (run->offset > (uint64_t{1} << 62) / block || run->len > (uint64_t{1} << 62) / block)
                fail(inode, "its block list makes no sense");
            const uint64_t place = sparse ? 0 : info_.range.offset + run->addr * block;
            if (run->len != 0) // an empty file may have an empty run
                fresh->extents.push_back({run->offset * block, {place, run->len * block}, sparse});
        }
        fresh->direct = (attribute->flags & (TSK_FS_ATTR_COMP | TSK_FS_ATTR_ENC)) == 0 && attribute->r == nullptr;
    }
    image_->rethrow();
    return *(content_ = std::move(fresh));
}

std::vector<FileSystem::FileExtent> TskFileSystem::extents(uint64_t inode) { return content(inode).extents; }

size_t TskFileSystem::read_extents(const std::vector<FileExtent>& extents, uint64_t size, uint64_t initialised,
                                   uint64_t offset, std::span<std::byte> into) {
    if (offset >= size) return 0;
    into = into.first(static_cast<size_t>(std::min<uint64_t>(into.size(), size - offset)));
    std::ranges::fill(into, std::byte{0});
    const uint64_t end = std::min(offset + into.size(), std::max(initialised, offset));
    auto extent = std::ranges::upper_bound(extents, offset, {}, &FileExtent::logical);
    if (extent != extents.begin()) --extent;
    for (; extent != extents.end() && extent->logical < end; ++extent) {
        const uint64_t from = std::max(offset, extent->logical);
        const uint64_t to = std::min(end, extent->logical + extent->range.size);
        if (from >= to || extent->sparse) continue;
        const uint64_t place = extent->range.offset - info_.range.offset + (from - extent->logical);
        reader().read_through(place, into.subspan(static_cast<size_t>(from - offset), static_cast<size_t>(to - from)));
    }
    return into.size();
}

size_t TskFileSystem::read(uint64_t inode, uint64_t offset, std::span<std::byte> into) {
    const Content& found = content(inode);
    if (offset >= found.size || into.empty()) return 0;
    if (found.direct) return read_extents(found.extents, found.size, found.initialised, offset, into);
    const auto want = static_cast<size_t>(std::min<uint64_t>(into.size(), found.size - offset));
    const ssize_t got = tsk_fs_attr_read(found.attribute, static_cast<TSK_OFF_T>(offset),
                                         reinterpret_cast<char*>(into.data()), want, TSK_FS_FILE_READ_FLAG_NONE);
    if (got != static_cast<ssize_t>(want)) fail(inode, "its content cannot be read: " + last_error());
    image_->rethrow();
    return want;
}

// libtsk knows them of HFS+ alone; ext has its own reader.
void TskFileSystem::xattrs(uint64_t inode, const std::function<void(const Xattr&)>& attribute) {
    if (!TSK_FS_TYPE_ISHFS(fs_->ftype) || inode > record_mask) return;
    TSK_FS_FILE& file = open(inode);
    const int count = tsk_fs_file_attr_getsize(&file);
    for (int index = 0; index < count; index++) {
        const TSK_FS_ATTR* each = tsk_fs_file_attr_get_idx(&file, index);
        if (each == nullptr || each->type != TSK_FS_ATTR_TYPE_HFS_EXT_ATTR || each->name == nullptr) continue;
        if (each->size < 0 || each->size > longest_xattr)
            fail(inode, "an extended attribute of " + std::to_string(each->size) + " bytes");
        Xattr found{each->name, std::string(static_cast<size_t>(each->size), '\0')};
        if (!found.value.empty() &&
            tsk_fs_attr_read(each, 0, found.value.data(), found.value.size(), TSK_FS_FILE_READ_FLAG_NONE) != each->size)
            fail(inode, "its extended attribute cannot be read: " + last_error());
        attribute(found);
    }
    image_->rethrow();
}

void TskFileSystem::free_space(const std::function<void(const Range&)>& range) {
    struct Walk {
        const std::function<void(const Range&)>& range;
        uint64_t offset, block;
        Range pending{};
        std::exception_ptr failure{};
    } walk{range, info_.range.offset, fs_->block_size};
    const auto step = [](const TSK_FS_BLOCK* block, void* pointer) {
        auto& each = *static_cast<Walk*>(pointer);
        const Range next{each.offset + block->addr * each.block, each.block};
        try {
            if (each.pending.size != 0 && each.pending.end() == next.offset) {
                each.pending.size += next.size;
                return TSK_WALK_CONT;
            }
            if (each.pending.size != 0) each.range(each.pending);
            each.pending = next;
            return TSK_WALK_CONT;
        } catch (...) {
            each.failure = std::current_exception(); // C code lies in between
            return TSK_WALK_STOP;
        }
    };
    const auto flags =
        static_cast<TSK_FS_BLOCK_WALK_FLAG_ENUM>(TSK_FS_BLOCK_WALK_FLAG_UNALLOC | TSK_FS_BLOCK_WALK_FLAG_AONLY);
    const uint8_t failed = tsk_fs_block_walk(fs_, fs_->first_block, fs_->last_block_act, flags, step, &walk);
    image_->rethrow();
    if (walk.failure) std::rethrow_exception(walk.failure);
    if (failed) throw Error(ExitCode::never_valid, info_.type + ": its free space cannot be read: " + last_error());
    if (walk.pending.size != 0) range(walk.pending);
}

void TskFileSystem::orphans(const std::function<bool(uint64_t)>&,
                            const std::function<void(const DirectoryEntry&)>& entry) {
    list_names(TSK_FS_ORPHANDIR_INUM(fs_), [&](const DirectoryEntry& each) {
        DirectoryEntry orphan = each;
        orphan.deleted = true;
        entry(orphan);
    });
}

} // namespace kanshiki::tsk
