#pragma once
// Nodes by their logical address, through a bounded cache: checked against what points to them, each copy tried.

#include "analyze/filesystem/btrfs/chunk_map.h"
#include "analyze/filesystem/btrfs/node.h"
#include "analyze/filesystem/btrfs/warnings.h"

#include <functional>
#include <list>
#include <unordered_map>

namespace kanshiki::btrfs {

class NodeReader {
public:
    NodeReader(VolumeReader& reader, const Superblock& super, const ChunkMap& chunks, Warnings& warnings);

    // tree: whose node it is to be. old: of a commit that is past, so anything may lie there by now and only a right
    // checksum makes it a node. Throws Error{never_valid} that names tree and place. A wrong checksum with a sound
    // node below it is a warning, when no copy is better.
    std::shared_ptr<const Node> read(const TreeRoot& at, uint64_t tree, bool old);

private:
    using Recent = std::list<std::pair<uint64_t, std::shared_ptr<const Node>>>; // most recently used first
    std::string mismatch(const NodeHeader& header, const TreeRoot& at, uint64_t tree) const;
    std::shared_ptr<const Node> read_copies(const TreeRoot& at, uint64_t tree, bool old);

    VolumeReader& reader_;
    const Superblock& super_;
    const ChunkMap& chunks_;
    Warnings& warnings_;
    const size_t limit_;
    Recent recent_;
    std::unordered_map<uint64_t, Recent::iterator> found_;
};

} // namespace kanshiki::btrfs
