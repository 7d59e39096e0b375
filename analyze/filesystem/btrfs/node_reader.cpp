#include "analyze/filesystem/btrfs/node_reader.h"

#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki::btrfs {
namespace {

constexpr size_t cache_bytes = size_t{4} << 20, checksum_field = 32;

std::string place_text(uint64_t tree, uint64_t logical) {
    return "btrfs tree " + std::to_string(tree) + ": the node at logical " + std::to_string(logical);
}

} // namespace

NodeReader::NodeReader(VolumeReader& reader, const Superblock& super, const ChunkMap& chunks, Warnings& warnings)
    : reader_(reader), super_(super), chunks_(chunks), warnings_(warnings), limit_(cache_bytes / super.node_size) {}

// What of the header contradicts the pointer to it; empty when nothing does.
std::string NodeReader::mismatch(const NodeHeader& header, const TreeRoot& at, uint64_t tree) const {
    if (!std::ranges::equal(header.fsid, super_.node_fsid)) return "is of another file system";
    if (header.address != at.node) return "says it lies at logical " + std::to_string(header.address);
    if (header.level != at.level)
        return "has level " + std::to_string(header.level) + " instead of " + std::to_string(at.level);
    if (header.generation != at.generation)
        return "is of generation " + std::to_string(header.generation) + " instead of " + std::to_string(at.generation);
    // Snapshots share nodes, so a subvolume's node may be owned by any other.
    const bool owner = header.owner == tree || header.relocated || (is_subvolume(tree) && is_subvolume(header.owner));
    return owner ? "" : "belongs to tree " + std::to_string(header.owner);
}

std::shared_ptr<const Node> NodeReader::read(const TreeRoot& at, uint64_t tree, bool old) {
    if (const auto known = found_.find(at.node); known != found_.end()) {
        recent_.splice(recent_.begin(), recent_, known->second);
        const auto& node = recent_.front().second;
        if (mismatch(node->header(), at, tree).empty()) return node;
    }
    auto node = read_copies(at, tree, old);
    if (const auto known = found_.find(at.node); known != found_.end()) {
        known->second->second = node;
        return node;
    }
    if (recent_.size() >= limit_) {
        found_.erase(recent_.back().first);
        recent_.pop_back();
    }
    recent_.emplace_front(at.node, node);
    found_[at.node] = recent_.begin();
    return node;
}

std::shared_ptr<const Node> NodeReader::read_copies(const TreeRoot& at, uint64_t tree, bool old) {
    const std::string place = place_text(tree, at.node);
    const auto fail = [&](const std::string& what) { throw Error(ExitCode::never_valid, place + " " + what); };
    if (at.level > deepest_level) fail("is " + std::to_string(at.level) + " levels high");
    if (at.node % super_.sector_size != 0) fail("is not at a sector");
    const Place where = chunks_.place(at.node, super_.node_size);
    if (where.size < super_.node_size) fail("leaves its chunk");
    if (where.copies.empty()) fail("lies on device " + std::to_string(where.absent.front()) + ", which is not here");

    std::shared_ptr<const Node> second_best;
    std::string wrong; // of the copies tried so far
    for (const uint64_t offset : where.copies) {
        std::vector<std::byte> bytes(super_.node_size);
        std::string what;
        bool holds = false;
        try {
            reader_.read(offset, bytes, false);
            holds = checksum_holds(super_.checksum, std::span(bytes).subspan(checksum_field), bytes);
            what = mismatch(parse_header(bytes), at, tree);
            if (what.empty() && (holds || !old)) {
                auto node = std::make_shared<const Node>(std::move(bytes));
                if (holds) {
                    if (!wrong.empty())
                        warnings_.add(place + wrong + "; the copy at byte " + std::to_string(offset) + " is used");
                    return node;
                }
                if (!second_best) second_best = std::move(node);
            }
        } catch (const Error& error) {
            if (error.code() != ExitCode::never_valid) throw;
            what = std::string("is damaged: ") + error.what();
        }
        if (!holds) what = "has a wrong checksum" + (what.empty() ? "" : " and " + what);
        wrong += (wrong.empty() ? " " : ", ") + what + " (byte " + std::to_string(offset) + ")";
    }
    if (!old) { // whether they could not be read is told of those that are needed
        std::vector<std::byte> again(super_.node_size);
        for (const uint64_t offset : where.copies)
            if (reader_.size() >= again.size() && offset <= reader_.size() - again.size()) reader_.read(offset, again);
    }
    if (!second_best) fail(wrong.substr(1));
    warnings_.add(place + wrong + "; no copy is better, and it is used as it is");
    return second_best;
}

} // namespace kanshiki::btrfs
