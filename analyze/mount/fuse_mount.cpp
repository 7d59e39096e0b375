#define FUSE_USE_VERSION 312

#include "analyze/mount/fuse_mount.h"

#include "kanshiki/error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fuse3/fuse_lowlevel.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

namespace kanshiki {

namespace {

constexpr double for_ever = 86400; // nothing changes below: seconds that the kernel may keep what it was told

MountedTree& tree_of(fuse_req_t request) { return **static_cast<MountedTree**>(fuse_req_userdata(request)); }

// Answers with an errno where the action throws: damage and unreadable sectors are EIO.
template<class Action>
void guarded(fuse_req_t request, const Action& action) {
    int error = EIO;
    try {
        action();
        return;
    } catch (const std::bad_alloc&) {
        error = ENOMEM;
    } catch (const std::exception&) { // has been told, or is by whoever reads the errno
    }
    fuse_reply_err(request, error);
}

mode_t mode_of(FileType type) {
    static constexpr mode_t modes[] = {S_IFREG, S_IFREG, S_IFDIR, S_IFLNK, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK};
    return modes[static_cast<size_t>(type)];
}

timespec time_of(const std::optional<Timestamp>& time) {
    timespec out{};
    if (time) out.tv_sec = time->seconds, out.tv_nsec = time->nanoseconds;
    return out;
}

struct stat status_of(const Node& node) {
    const FileInfo& info = node.info;
    struct stat status {};
    status.st_ino = node.id;
    status.st_mode = mode_of(info.type) | (info.mode & 07777u);
    status.st_nlink = info.links;
    status.st_uid = info.uid;
    status.st_gid = info.gid;
    status.st_size = static_cast<off_t>(std::min<uint64_t>(info.size, INT64_MAX));
    status.st_blocks = static_cast<blkcnt_t>(info.size / 512 + (info.size % 512 != 0));
    status.st_blksize = 4096;
    status.st_rdev = makedev(info.major, info.minor);
    status.st_mtim = time_of(info.modified);
    status.st_atim = time_of(info.accessed);
    status.st_ctim = time_of(info.changed);
    return status;
}

fuse_entry_param entry_of(const Node& node) {
    fuse_entry_param entry{};
    entry.ino = node.id;
    entry.attr = status_of(node);
    entry.attr_timeout = entry.entry_timeout = for_ever;
    return entry;
}

void lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
    guarded(request, [&] {
        const auto id = tree_of(request).find(parent, name);
        fuse_entry_param entry{}; // ino 0: there is none, which may be kept too
        entry.entry_timeout = for_ever;
        if (id) entry = entry_of(tree_of(request).get(*id));
        fuse_reply_entry(request, &entry);
    });
}

void getattr(fuse_req_t request, fuse_ino_t id, fuse_file_info* /*open*/) {
    guarded(request, [&] {
        const struct stat status = status_of(tree_of(request).get(id));
        fuse_reply_attr(request, &status, for_ever);
    });
}

void readlink(fuse_req_t request, fuse_ino_t id) {
    guarded(request, [&] {
        const std::string target = tree_of(request).get(id).info.symlink_target;
        fuse_reply_readlink(request, target.c_str());
    });
}

void open(fuse_req_t request, fuse_ino_t /*id*/, fuse_file_info* file) {
    if ((file->flags & O_ACCMODE) != O_RDONLY) {
        fuse_reply_err(request, EROFS);
        return;
    }
    file->keep_cache = 1;
    fuse_reply_open(request, file);
}

void read(fuse_req_t request, fuse_ino_t id, size_t size, off_t offset, fuse_file_info* /*file*/) {
    guarded(request, [&] {
        const auto bytes = tree_of(request).read(id, static_cast<uint64_t>(offset), size);
        fuse_reply_buf(request, reinterpret_cast<const char*>(bytes.data()), bytes.size());
    });
}

using OpenFolder = std::shared_ptr<const NodeFolder>;
const NodeFolder& folder_of(const fuse_file_info* file) {
    return **reinterpret_cast<const OpenFolder*>(static_cast<uintptr_t>(file->fh));
}

void opendir(fuse_req_t request, fuse_ino_t id, fuse_file_info* file) {
    guarded(request, [&] {
        auto folder = std::make_unique<OpenFolder>(tree_of(request).list(id));
        file->cache_readdir = 1;
        file->keep_cache = 1;
        file->fh = reinterpret_cast<uintptr_t>(folder.get());
        if (fuse_reply_open(request, file) == 0) static_cast<void>(folder.release()); // releasedir() deletes it
    });
}

void releasedir(fuse_req_t request, fuse_ino_t /*id*/, fuse_file_info* file) {
    delete reinterpret_cast<OpenFolder*>(static_cast<uintptr_t>(file->fh));
    fuse_reply_err(request, 0);
}

// As many names from `offset` on as fit. In a damaged directory an error follows the last one.
void names(fuse_req_t request, size_t size, off_t offset, const fuse_file_info* file, bool with_attributes) {
    guarded(request, [&] {
        const NodeFolder& folder = folder_of(file);
        std::vector<char> buffer(size);
        size_t used = 0;
        for (auto at = static_cast<size_t>(offset); at < folder.names.size(); at++) {
            const NodeName& name = folder.names[at];
            const auto next = static_cast<off_t>(at + 1);
            fuse_entry_param entry{};
            entry.attr.st_ino = name.id;
            entry.attr.st_mode = mode_of(name.type);
            if (with_attributes) try {
                    entry = entry_of(tree_of(request).get(name.id));
                } catch (const Error&) { // ino 0: the kernel asks for it by itself, and gets the error
                }
            const size_t needed =
                with_attributes
                    ? fuse_add_direntry_plus(request, &buffer[used], size - used, name.name.c_str(), &entry, next)
                    : fuse_add_direntry(request, &buffer[used], size - used, name.name.c_str(), &entry.attr, next);
            if (needed > size - used) break;
            used += needed;
        }
        if (used == 0 && folder.damaged && static_cast<size_t>(offset) >= folder.names.size())
            fuse_reply_err(request, EIO);
        else
            fuse_reply_buf(request, buffer.data(), used);
    });
}

void readdir(fuse_req_t request, fuse_ino_t /*id*/, size_t size, off_t offset, fuse_file_info* file) {
    names(request, size, offset, file, false);
}

void readdirplus(fuse_req_t request, fuse_ino_t /*id*/, size_t size, off_t offset, fuse_file_info* file) {
    names(request, size, offset, file, true);
}

// size 0 asks how much there is.
void reply_bytes(fuse_req_t request, const std::string& bytes, size_t size) {
    if (size == 0)
        fuse_reply_xattr(request, bytes.size());
    else if (size < bytes.size())
        fuse_reply_err(request, ERANGE);
    else
        fuse_reply_buf(request, bytes.data(), bytes.size());
}

void getxattr(fuse_req_t request, fuse_ino_t id, const char* name, size_t size) {
    guarded(request, [&] {
        for (const Xattr& each : tree_of(request).xattrs(id))
            if (each.name == name) return reply_bytes(request, each.value, size);
        fuse_reply_err(request, ENODATA);
    });
}

void listxattr(fuse_req_t request, fuse_ino_t id, size_t size) {
    guarded(request, [&] {
        std::string all;
        for (const Xattr& each : tree_of(request).xattrs(id)) all.append(each.name.c_str()).push_back('\0');
        reply_bytes(request, all, size);
    });
}

void statfs(fuse_req_t request, fuse_ino_t /*id*/) {
    struct statvfs status {};
    status.f_bsize = status.f_frsize = 4096;
    status.f_blocks = tree_of(request).size() / 4096;
    status.f_namemax = 1024;
    fuse_reply_statfs(request, &status);
}

fuse_lowlevel_ops operations() {
    fuse_lowlevel_ops table{};
    table.lookup = lookup;
    table.getattr = getattr;
    table.readlink = readlink;
    table.open = open;
    table.read = read;
    table.opendir = opendir;
    table.readdir = readdir;
    table.readdirplus = readdirplus;
    table.releasedir = releasedir;
    table.getxattr = getxattr;
    table.listxattr = listxattr;
    table.statfs = statfs;
    return table;
}

} // namespace

FuseMount::FuseMount(const std::filesystem::path& folder, bool allow_other) {
    // The image's owners and modes are shown, not obeyed: only who mounted it may look (allow_other: all, and they
    // are).
    std::string rules = "-oro,nodev,nosuid,noexec,subtype=kanshiki,fsname=kanshiki";
    if (allow_other) rules += ",allow_other,default_permissions";
    std::string name = "kanshiki";
    char* words[] = {name.data(), rules.data()};
    fuse_args arguments{2, words, 0};
    const fuse_lowlevel_ops table = operations();
    session_ = fuse_session_new(&arguments, &table, sizeof table, &tree_);
    fuse_opt_free_args(&arguments);
    if (!session_) throw Error(ExitCode::internal, "libfuse takes no session");
    if (fuse_session_mount(session_, folder.c_str()) != 0) {
        fuse_session_destroy(session_);
        throw Error(ExitCode::refused, folder.string() + ": cannot be mounted on; see the line above");
    }
}

FuseMount::~FuseMount() { fuse_session_destroy(session_); } // who unmounts is outside of the jail

void FuseMount::serve(MountedTree& tree, unsigned threads) {
    tree_ = &tree;
    fuse_loop_config* config = fuse_loop_cfg_create();
    fuse_loop_cfg_set_clone_fd(config, 0);
    fuse_loop_cfg_set_max_threads(config, threads);
    fuse_loop_cfg_set_idle_threads(config, threads);
    const int result = fuse_session_loop_mt(session_, config);
    fuse_loop_cfg_destroy(config);
    if (result != 0) throw Error(ExitCode::internal, std::string("the FUSE session ended: ") + std::strerror(-result));
}

} // namespace kanshiki
