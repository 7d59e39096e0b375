#pragma once
// What XFS leaves of a deleted file: see docs/formats/xfs.md.

#include "analyze/filesystem/xfs/directory.h"

namespace kanshiki::xfs {

// A freed inode has mode and size 0 and says that it has no extents; but the bytes of its fork stay as they last were.
// Sets type, size and the data fork from them: the root of an extent tree whose blocks still name this inode, a
// short-form directory, or extents. Leaves it as it is where they show none of these.
void recover(Inode& inode, Metadata& metadata);

// Names behind the end of a directory's fork in the inode, as left by a longer list or by a time when all of it was
// kept there, without those that are still in use.
class StaleNames {
public:
    StaleNames(const Inode& directory, const Superblock& super);
    void seen(const Name& name); // in use, or told already
    std::vector<Name> rest() const { return {names_.begin(), names_.end()}; }

private:
    std::string area_;
    std::vector<Name> names_; // refer to area_
};

} // namespace kanshiki::xfs
