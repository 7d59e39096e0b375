#include "analyze/browse/find_entries.h"

#include "analyze/filesystem/ends_run.h"
#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki {
namespace {

constexpr std::string_view orphans_folder = "$OrphanFiles";

ListedFile describe(FileSystem& files, unsigned volume, const DirectoryEntry& entry, std::string path) {
    ListedFile file{volume, entry.type, entry.deleted, false, entry.inode, std::move(path), {}, entry.certainty};
    file.info.allocated = false;
    if (entry.inode != 0 || file.path == "/") file.info = files.stat(entry.inode);
    return file;
}

std::vector<DirectoryEntry> read_orphans(FileSystem& files, std::string_view name) {
    std::vector<DirectoryEntry> found;
    files.orphans([](uint64_t) { return false; },
                  [&](const DirectoryEntry& entry) {
                      if (entry.name == name) found.push_back(entry);
                  });
    return found;
}

// The entries of that name in a directory: the living one, or all deleted ones.
std::vector<DirectoryEntry> named(FileSystem& files, uint64_t directory, std::string_view name, bool deleted) {
    std::vector<DirectoryEntry> living, gone;
    try {
        files.list(directory, [&](const DirectoryEntry& entry) {
            if (entry.name == name) (entry.deleted ? gone : living).push_back(entry);
        });
    } catch (const Error& error) {
        if (ends_run(error) || !living.empty()) throw;
        if (!deleted || gone.empty()) throw;
    }
    if (living.size() > 1) living.resize(1); // a damaged directory; the kernel takes the first, too
    return living.empty() && deleted ? gone : living;
}

struct Found {
    DirectoryEntry entry;
    std::string path;
    bool orphan = false;
};

std::vector<Found> one_level(FileSystem& files, const std::vector<Found>& folders, std::string_view name,
                             bool deleted) {
    std::vector<Found> found;
    for (const Found& folder : folders) {
        const bool root = folder.path.empty();
        if (folder.entry.inode == 0 && !root) continue;
        if (deleted && root && name == orphans_folder) {
            found.push_back({{std::string(name), 0, FileType::directory}, "/" + std::string(name), true});
            continue;
        }
        if (!root && files.stat(folder.entry.inode).type != FileType::directory) continue;
        for (DirectoryEntry& entry : named(files, folder.entry.inode, name, deleted)) {
            std::string path = folder.path + "/" + entry.name;
            found.push_back({std::move(entry), std::move(path), folder.orphan});
        }
    }
    if (folders.size() == 1 && folders.front().orphan && folders.front().entry.inode == 0)
        for (DirectoryEntry& entry : read_orphans(files, name)) {
            std::string path = folders.front().path + "/" + entry.name;
            found.push_back({std::move(entry), std::move(path), true});
        }
    return found;
}

// NAME:STREAM, at any colon of the last component.
std::vector<Found> streams_named(FileSystem& files, const std::vector<Found>& folders, std::string_view name,
                                 bool deleted) {
    std::vector<Found> found;
    for (size_t colon = name.find(':'); colon != std::string_view::npos && found.empty();
         colon = name.find(':', colon + 1))
        for (const Found& owner : one_level(files, folders, name.substr(0, colon), deleted)) {
            if (owner.entry.inode == 0) continue;
            files.streams(owner.entry.inode, [&](const DirectoryEntry& stream) {
                if (stream.name != name.substr(colon + 1)) return;
                DirectoryEntry entry = stream;
                entry.deleted = owner.entry.deleted;
                entry.certainty = owner.entry.certainty;
                found.push_back({entry, owner.path + ":" + stream.name, owner.orphan});
            });
        }
    return found;
}

} // namespace

std::vector<ListedFile> find_entries(FileSystem& files, unsigned volume, std::string_view path, bool deleted) {
    std::vector<Found> at{{{"", files.root(), FileType::directory}, "", false}};
    while (!at.empty()) {
        path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
        if (path.empty()) break;
        const std::string_view name = path.substr(0, path.find('/'));
        path.remove_prefix(name.size());
        auto next = one_level(files, at, name, deleted);
        if (next.empty() && path.empty()) next = streams_named(files, at, name, deleted);
        at = std::move(next);
    }
    std::vector<ListedFile> found;
    for (Found& each : at) {
        ListedFile file = describe(files, volume, each.entry, each.path.empty() ? "/" : std::move(each.path));
        file.orphan = each.orphan;
        found.push_back(std::move(file));
    }
    return found;
}

} // namespace kanshiki
