#pragma once
// The tree that a mount shows: every volume's file system below one root, as numbered nodes. Nothing here knows FUSE.

#include "analyze/browse/image.h"
#include "analyze/mount/file_system_pool.h"

#include <list>
#include <map>
#include <unordered_map>

namespace kanshiki {

struct MountOptions {
    bool deleted = false;     // deleted names too, as NAME%~deleted-INODE, and %~orphans in each root
    bool no_symlinks = false; // links are shown as files that hold their target
};

using NodeId = uint64_t; // 1: the root

struct Node {
    NodeId id = 0;
    FileInfo info; // of the folder of volumes and of %~orphans: made up
};

struct NodeName {
    std::string name;
    NodeId id = 0;
    FileType type = FileType::unknown;
};

// The names in a directory, sorted by bytes, none twice.
struct NodeFolder {
    std::vector<NodeName> names;
    bool damaged = false; // there may be more
};

// Thread-safe. What cannot be read throws Error{never_valid}, unreadable sectors too: zeros never pass for content.
class MountedTree {
public:
    static constexpr NodeId root = 1;

    // complain: one line of what could not be read or was odd; from any thread.
    MountedTree(Image& image, const MountOptions& options, std::function<void(const std::string&)> complain,
                std::stop_token stop);

    Node get(NodeId id);
    std::optional<NodeId> find(NodeId folder, const std::string& name);
    std::shared_ptr<const NodeFolder> list(NodeId folder);
    std::vector<std::byte> read(NodeId id, uint64_t offset, size_t size);
    std::vector<Xattr> xattrs(NodeId id);
    uint64_t size() const; // of all volumes

private:
    struct Place { // what a number stands for
        size_t volume = 0;
        uint64_t handle = 0;
    };
    struct Mounted {
        std::string name; // "p1"
        NodeId top = 0;
        uint64_t size = 0;
        std::unique_ptr<FileSystemPool> pool;
    };

    NodeId number(size_t volume, uint64_t handle);
    Place place_of(NodeId id);
    Mounted& mounted(const Place& place) { return volumes_.at(place.volume); }
    std::shared_ptr<const NodeFolder> read_folder(NodeId id);
    std::string shown_name(FileSystem& files, const DirectoryEntry& entry) const;
    std::optional<NodeId> find_stream(NodeId folder, const std::string& name);
    void fail_if_unreadable(FileSystem& files);

    const MountOptions options_;
    const std::function<void(const std::string&)> complain_;
    std::vector<Mounted> volumes_;
    std::mutex mutex_; // of what follows
    std::map<std::pair<size_t, uint64_t>, uint64_t> large_;
    std::vector<Place> large_places_;                                        // handles that do not fit into a number
    std::list<std::pair<NodeId, std::shared_ptr<const NodeFolder>>> recent_; // most recently used first
    std::unordered_map<NodeId, decltype(recent_)::iterator> found_;
    size_t kept_names_ = 0;
};

} // namespace kanshiki
