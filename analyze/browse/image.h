#pragma once
// An image's volumes with a file system, under the names that ls prints and cat takes: /p1/etc/passwd.

#include "kanshiki/triage.h"

namespace kanshiki {

struct BrowsedVolume {
    Volume volume;
    std::string name; // "p2"; empty where paths go without: no partition table, or the volume was chosen
    std::unique_ptr<FileSystem> files;
    BlockSource* source = nullptr; // of the image; never null

    std::string shown(const std::string& path) const {
        return name.empty() || !path.starts_with('/') ? path : "/" + name + path;
    }
};

// A file found by its path.
struct Place {
    BrowsedVolume* volume = nullptr;
    ListedFile file;
};

class Image {
public:
    // chosen: --volume, a number or name; empty: all. Throws Error{usage} when there is no such volume and
    // Error{never_valid} when nothing holds a file system that is known. The source must allow concurrent reads and
    // outlive the image.
    Image(BlockSource& source, const VolumeOptions& options, const std::string& chosen, std::stop_token stop);

    BlockSource& source() { return source_; }
    std::vector<BrowsedVolume>& volumes() { return volumes_; }
    const std::vector<NotCovered>& not_covered() const { return not_covered_; } // volumes that nothing here reads
    const std::vector<std::string>& notices() const { return notices_; }

    // path may begin with a volume's name. Throws Error{usage} when nothing or more than one thing is meant.
    Place find(const std::string& path, bool deleted);
    // All that is meant, of every volume; at least one.
    std::vector<Place> find_all(const std::string& path, bool deleted);
    Place find_inode(uint64_t inode); // its path is "inode N"
    static ListedFile root_of(BrowsedVolume& volume);

private:
    void open(const Volume& volume, bool named, const std::stop_token& stop);

    BlockSource& source_;
    std::vector<BrowsedVolume> volumes_;
    std::vector<NotCovered> not_covered_;
    std::vector<std::string> notices_;
};

} // namespace kanshiki
