#include "analyze/filesystem/btrfs/older_commit.h"

#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki::btrfs {
namespace {

// Runs what may meet overwritten nodes; false when it does.
bool intact(const std::function<void()>& action) {
    try {
        action();
        return true;
    } catch (const Error& error) {
        if (error.code() != ExitCode::never_valid) throw;
        return false;
    }
}

} // namespace

bool OlderCommit::compare(const Subvolume& then, const std::optional<Subvolume>& now,
                          const std::function<void(const Lost&)>& lost) {
    if (now && now->tree.root == then.tree.root && !now->tree.overlay) return true;
    then_ = &then;
    now_ = &now;
    lost_ = &lost;
    std::shared_ptr<const Node> root;
    if (!intact([&] { root = trees_.root(then.tree); })) return true;
    return node(root);
}

bool OlderCommit::node(const std::shared_ptr<const Node>& node) {
    if (node->leaf()) {
        leaf(*node);
        return true;
    }
    for (uint32_t index = 0; index < node->count(); index++) {
        const TreeRoot child = node->child(index);
        bool shared = false; // still part of the tree: nothing below it is lost
        if (*now_ && !(*now_)->tree.overlay)
            intact([&] { shared = trees_.node_for((*now_)->tree, node->key(index), child.level) == child; });
        if (shared) continue;
        if (budget_.nodes == 0) return false;
        budget_.nodes--;
        std::shared_ptr<const Node> below;
        if (!intact([&] { below = trees_.child(then_->tree, *node, index); })) continue;
        if (!this->node(below)) return false;
    }
    return true;
}

void OlderCommit::leaf(const Node& node) {
    for (uint32_t index = 0; index < node.count(); index++) {
        const Key key = node.key(index);
        if (key.type != type::inode_item || key.objectid < id::first_free || key.objectid > id::last_free) continue;
        bool there = true; // when the current tree cannot be read there, nothing is called lost
        intact([&] { there = *now_ && trees_.find((*now_)->tree, key).has_value(); });
        if (there) continue;
        intact([&] {
            const FileInfo info = parse_inode(node.item(index)).info;
            (*lost_)({key.objectid, info, name_of(key.objectid), judge(key.objectid, info)});
        });
    }
}

// A node with a right checksum is what was written; its content is so only if the checksums of then still hold.
Certainty OlderCommit::judge(uint64_t objectid, const FileInfo& info) {
    if (info.type != FileType::regular || info.size == 0) return Certainty::likely;
    const Tree* checksums = info.flags & flag_no_checksums ? nullptr : commits_.checksums(commit_);
    if (checksums == nullptr) return Certainty::possible;
    const FileContent::File file{then_->tree, checksums, objectid, info.size, "an older commit"};
    std::vector<std::byte> buffer(256 * 1024);
    bool holds = true;
    const bool whole = intact([&] {
        for (const auto& extent : content_.extents(file, 0)) { // holes are as they were
            for (uint64_t done = 0; holds && !extent.sparse && done < extent.length();) {
                const uint64_t at = extent.logical + done;
                if (at >= info.size) break;
                const uint64_t size = std::min<uint64_t>({buffer.size(), extent.length() - done, info.size - at});
                if (budget_.content < size) {
                    holds = false;
                    break;
                }
                budget_.content -= size;
                holds = content_.read(file, at, std::span(buffer).first(size)) == 0;
                done += size;
            }
        }
    });
    return whole && holds ? Certainty::likely : Certainty::possible;
}

std::string OlderCommit::name_of(uint64_t objectid) {
    std::string name;
    intact([&] {
        trees_.scan(then_->tree, {objectid, type::inode_ref, 0}, {objectid, type::inode_extref, last_offset},
                    [&](const Item& item) {
                        parse_inode_references(item.key, item.data, [&](const NameReference& each) {
                            if (name.empty()) name = each.name;
                        });
                        return name.empty();
                    });
    });
    return name;
}

} // namespace kanshiki::btrfs
