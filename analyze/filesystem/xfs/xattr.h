#pragma once
// Extended attributes ("Extended Attributes"): in the inode, or in blocks of the attribute fork that a B+tree of hashes
// leads to; long values in blocks of their own.

#include "analyze/filesystem/xfs/extent_map.h"

#include <functional>

namespace kanshiki::xfs {

// Every attribute that the kernel shows to root. Parent pointers are the file system's own; attributes that were being
// written when it stopped are told as a warning. Throws Error{never_valid} at the end when part of them is damaged.
void read_xattrs(const Inode& inode, Metadata& metadata, const std::function<void(const Xattr&)>& attribute);

// The `size` bytes that a file of `kind` (value_block, symlink_block) keeps from block `logical` of its fork on: from
// version 5 a header begins each piece. Symbolic links have one header an extent, values one a block.
std::string read_pieces(const Inode& inode, const std::vector<Extent>& extents, const Description& kind,
                        uint64_t logical, size_t size, Metadata& metadata);

// An access control list as XFS stores it → as getxattr(2) gives it (version 2, little-endian). Nothing when its size
// contradicts its count.
std::optional<std::string> posix_acl(std::string_view stored);

} // namespace kanshiki::xfs
