#include "analyze/mount/mounted_tree.h"

#include "analyze/browse/content.h"
#include "analyze/extract/safe_name.h"
#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki {
namespace {

// A node's number is its volume's, from 1, above its handle; 0xffff for what is looked up in large_places_.
constexpr unsigned volume_shift = 48;
constexpr uint64_t handle_mask = (uint64_t{1} << volume_shift) - 1, large_volume = 0xffff;
constexpr uint64_t orphans_handle = UINT64_MAX; // %~orphans of a volume
constexpr size_t most_kept_names = 1'000'000;
constexpr size_t longest_name = 1024; // FUSE_NAME_MAX

FileInfo made_up_folder() {
    FileInfo info;
    info.type = FileType::directory;
    info.mode = 0555;
    info.links = 2;
    return info;
}

bool fit_for_a_kernel(const std::string& name) {
    return !name.empty() && name != "." && name != ".." && name.size() <= longest_name &&
           name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
}

} // namespace

MountedTree::MountedTree(Image& image, const MountOptions& options, std::function<void(const std::string&)> complain,
                         std::stop_token stop)
    : options_(options), complain_(std::move(complain)) {
    for (BrowsedVolume& volume : image.volumes()) {
        Mounted& mounted = volumes_.emplace_back();
        mounted.name = volume.name;
        mounted.size = volume.files->info().range.size;
        mounted.top = number(volumes_.size() - 1, volume.files->root());
        mounted.pool = std::make_unique<FileSystemPool>(image.source(), volume.volume, stop);
    }
}

NodeId MountedTree::number(size_t volume, uint64_t handle) {
    if (handle <= handle_mask && volume + 1 < large_volume) return (uint64_t{volume} + 1) << volume_shift | handle;
    const std::lock_guard lock(mutex_);
    const auto [at, fresh] = large_.try_emplace({volume, handle}, large_places_.size());
    if (fresh) large_places_.push_back({volume, handle});
    return large_volume << volume_shift | at->second;
}

MountedTree::Place MountedTree::place_of(NodeId id) {
    if (id == root) return place_of(volumes_.front().top); // where it is that of the only volume
    const uint64_t volume = id >> volume_shift;
    const std::lock_guard lock(mutex_);
    const Place place = volume == large_volume ? large_places_.at(id & handle_mask)
                                               : Place{static_cast<size_t>(volume - 1), id & handle_mask};
    if (place.volume >= volumes_.size()) throw Error(ExitCode::never_valid, "no such node");
    return place;
}

uint64_t MountedTree::size() const {
    uint64_t sum = 0;
    for (const Mounted& each : volumes_) sum += each.size;
    return sum;
}

// Tells, and throws: what was just read has zeros where bytes are not known.
void MountedTree::fail_if_unreadable(FileSystem& files) {
    for (const std::string& each : files.take_warnings()) complain_(each);
    const auto bad = files.take_unreadable();
    if (bad.empty()) return;
    throw Error(ExitCode::never_valid, files.place(bad.front().range) + " cannot be read");
}

Node MountedTree::get(NodeId id) {
    const bool virtual_root = id == root && !volumes_.front().name.empty();
    if (virtual_root) return {id, made_up_folder()};
    const Place place = place_of(id);
    if (place.handle == orphans_handle) return {id, made_up_folder()};
    const auto files = mounted(place).pool->take();
    Node node{id, files->stat(place.handle)};
    fail_if_unreadable(*files);
    if (options_.no_symlinks && node.info.type == FileType::symlink) {
        node.info.type = FileType::regular;
        node.info.size = node.info.symlink_target.size();
    }
    return node;
}

std::string MountedTree::shown_name(FileSystem& files, const DirectoryEntry& entry) const {
    std::string name = fit_for_a_kernel(entry.name) ? entry.name : safe_name(entry.name);
    if (entry.deleted) name += "%~deleted-" + std::to_string(files.stat(entry.inode).inode);
    return name;
}

std::shared_ptr<const NodeFolder> MountedTree::read_folder(NodeId id) {
    auto folder = std::make_shared<NodeFolder>();
    if (id == root && !volumes_.front().name.empty()) {
        for (const Mounted& each : volumes_) folder->names.push_back({each.name, each.top, FileType::directory});
        return folder;
    }
    const Place place = place_of(id);
    const auto files = mounted(place).pool->take();
    const auto add = [&](const DirectoryEntry& entry) {
        if (entry.inode == 0 || (entry.deleted && !options_.deleted)) return;
        try {
            if (entry.deleted && files->stat(entry.inode).allocated) return; // another file's by now
            folder->names.push_back({shown_name(*files, entry), number(place.volume, entry.inode), entry.type});
        } catch (const Error& error) {
            if (error.code() != ExitCode::never_valid) throw;
            complain_(error.what());
            folder->damaged = true;
        }
    };
    try {
        if (place.handle == orphans_handle)
            files->orphans([](uint64_t) { return false; }, add);
        else
            files->list(place.handle, add);
        fail_if_unreadable(*files);
    } catch (const Error& error) {
        if (error.code() != ExitCode::never_valid) throw;
        complain_(error.what());
        folder->damaged = true;
    }
    const bool top = id == root || id == mounted(place).top;
    if (top && options_.deleted)
        folder->names.push_back({"%~orphans", number(place.volume, orphans_handle), FileType::directory});
    std::ranges::stable_sort(folder->names, {}, &NodeName::name);
    // Not std::ranges::unique: clang 14 and libstdc++ 12 do not go together there.
    const auto same = [](const NodeName& one, const NodeName& other) { return one.name == other.name; };
    const auto again = std::unique(folder->names.begin(), folder->names.end(), same);
    if (again != folder->names.end()) complain_("a directory has a name twice; the second is not shown");
    folder->names.erase(again, folder->names.end());
    return folder;
}

std::shared_ptr<const NodeFolder> MountedTree::list(NodeId id) {
    {
        const std::lock_guard lock(mutex_);
        if (const auto at = found_.find(id); at != found_.end()) {
            recent_.splice(recent_.begin(), recent_, at->second);
            return at->second->second;
        }
    }
    auto folder = read_folder(id);
    const std::lock_guard lock(mutex_);
    if (found_.contains(id)) return folder; // another thread was as quick
    recent_.emplace_front(id, folder);
    found_[id] = recent_.begin();
    kept_names_ += folder->names.size() + 1;
    while (kept_names_ > most_kept_names && recent_.size() > 1) {
        kept_names_ -= recent_.back().second->names.size() + 1;
        found_.erase(recent_.back().first);
        recent_.pop_back();
    }
    return folder;
}

std::optional<NodeId> MountedTree::find(NodeId id, const std::string& name) {
    const auto folder = list(id);
    const auto at = std::ranges::lower_bound(folder->names, name, {}, &NodeName::name);
    if (at != folder->names.end() && at->name == name) return at->id;
    if (const auto stream = find_stream(id, name)) return stream;
    if (folder->damaged) throw Error(ExitCode::never_valid, "a directory is damaged: a name may be missing");
    return {};
}

// NAME:STREAM. They are not listed, since no tool expects them, but can be opened.
std::optional<NodeId> MountedTree::find_stream(NodeId id, const std::string& name) {
    const size_t colon = name.find(':');
    if (colon == std::string::npos || colon == 0) return {};
    const auto folder = list(id);
    const std::string owner_name = name.substr(0, colon);
    const auto at = std::ranges::lower_bound(folder->names, owner_name, {}, &NodeName::name);
    if (at == folder->names.end() || at->name != owner_name) return {};
    const Place owner = place_of(at->id);
    const auto files = mounted(owner).pool->take();
    std::optional<NodeId> found;
    files->streams(owner.handle, [&](const DirectoryEntry& stream) {
        if (stream.name == name.substr(colon + 1)) found = number(owner.volume, stream.inode);
    });
    return found;
}

std::vector<std::byte> MountedTree::read(NodeId id, uint64_t offset, size_t size) {
    const Place place = place_of(id);
    const auto files = mounted(place).pool->take();
    const FileInfo info = files->stat(place.handle);
    std::vector<std::byte> bytes;
    if (info.type == FileType::symlink) { // with no_symlinks
        const auto target = std::as_bytes(std::span(info.symlink_target));
        const auto part = target.subspan(std::min<uint64_t>(offset, target.size()));
        return {part.begin(), part.begin() + static_cast<std::ptrdiff_t>(std::min(size, part.size()))};
    }
    if (offset >= info.size) return bytes;
    bytes.resize(static_cast<size_t>(std::min<uint64_t>(size, info.size - offset)));
    size_t got = 0;
    while (got < bytes.size()) {
        const size_t more = files->read(place.handle, offset + got, std::span(bytes).subspan(got));
        if (more == 0) throw Error(ExitCode::never_valid, "the content ends before the file's size");
        got += more;
    }
    fail_if_unreadable(*files);
    return bytes;
}

std::vector<Xattr> MountedTree::xattrs(NodeId id) {
    std::vector<Xattr> found;
    if (id == root && !volumes_.front().name.empty()) return found;
    const Place place = place_of(id);
    if (place.handle == orphans_handle) return found;
    const auto files = mounted(place).pool->take();
    files->xattrs(place.handle, [&](const Xattr& each) { found.push_back(each); });
    fail_if_unreadable(*files);
    return found;
}

} // namespace kanshiki
