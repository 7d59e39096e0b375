#include "analyze/filesystem/btrfs/commits.h"

#include "kanshiki/error.h"

namespace kanshiki::btrfs {
namespace {

constexpr size_t most_known = 4096;

} // namespace

Tree Commits::root_tree(uint8_t commit) const {
    if (commit == 0) commit = current_;
    if (commit == 0) return {id::root_tree, super_.root, false};
    if (commit > super_.backups.size()) throw Error(ExitCode::never_valid, "btrfs: no such commit");
    return {id::root_tree, super_.backups[commit - 1].tree_root, true};
}

void Commits::fall_back(uint8_t commit) {
    current_ = commit;
    known_.clear();
    checksums_.clear();
}

void Commits::overlay(uint64_t tree, std::shared_ptr<const Overlay> items) {
    overlays_[tree] = std::move(items);
    known_.erase({0, tree});
    checksums_.erase(0);
}

std::optional<Subvolume> Commits::find(uint8_t commit, uint64_t number) {
    const std::pair key{commit, number};
    if (const auto known = known_.find(key); known != known_.end()) return known->second;
    // The offset of the key of a snapshot's root is the transaction that made it.
    const Tree roots = root_tree(commit);
    const auto item = trees_.find_last(roots, {number, type::root_item, 0}, {number, type::root_item, last_offset});
    if (!item) return {};
    Subvolume out;
    try {
        const RootItem root = parse_root(item->data);
        out.tree = {number, root.root, roots.old};
        out.directory = root.directory;
        out.deleted = root.references == 0;
    } catch (const Error& error) {
        throw Error(error.code(), "btrfs root item of tree " + std::to_string(number) + ": " + error.what());
    }
    if (const auto found = overlays_.find(number); commit == 0 && found != overlays_.end())
        out.tree.overlay = found->second;
    if (known_.size() >= most_known) known_.clear();
    known_[key] = out;
    return out;
}

Subvolume Commits::subvolume(uint8_t commit, uint64_t number) {
    auto found = find(commit, number);
    if (!found) throw Error(ExitCode::never_valid, "btrfs: there is no subvolume " + std::to_string(number));
    return *found;
}

const Tree* Commits::checksums(uint8_t commit) {
    auto [entry, fresh] = checksums_.try_emplace(commit);
    if (fresh) {
        const auto found = find(commit, id::csum_tree);
        if (found) entry->second = found->tree;
    }
    return entry->second ? &*entry->second : nullptr;
}

bool Commits::hangs(uint8_t commit, uint64_t parent, uint64_t subvolume, uint64_t directory, std::string_view name) {
    const auto item = trees_.find(root_tree(commit), {parent, type::root_ref, subvolume});
    if (!item) return false;
    const NameReference reference = parse_root_reference(item->data);
    return reference.directory == directory && reference.name == name && find(commit, subvolume).has_value();
}

} // namespace kanshiki::btrfs
