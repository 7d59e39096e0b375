// What a mount would do with a journal that was not emptied: "Recovery".

#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/ext/journal.h"

#include <algorithm>
#include <unordered_map>

namespace kanshiki::ext {
namespace {

constexpr size_t most_blocks = size_t{1} << 20; // of the overlay: 4 GiB of metadata not yet in place
constexpr uint16_t fast_commit_head = 0x9;

// Sequence numbers wrap.
bool later(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) > 0; }

class Walk {
public:
    Walk(const JournalSuperblock& super, const LogBlocks& log, const ReadLog& read)
        : super_(super), log_(log), read_(read), next_(super.start), sequence_(super.sequence) {
        overlay_.super = super;
    }

    Overlay run() {
        if (super_.start == 0) return std::move(overlay_);
        for (uint32_t steps = 0; steps < super_.last() && step(); steps++) {
        }
        if (super_.fast_commits()) look_for_fast_commits();
        finish();
        return std::move(overlay_);
    }

private:
    void notice(std::string text) { overlay_.notices.push_back("the journal: " + std::move(text)); }

    uint32_t advance() {
        const uint32_t at = next_++;
        if (next_ >= super_.last()) next_ = super_.first;
        return at;
    }

    // One block that is no data, with the data that it announces. False: the log ends here.
    bool step() {
        const auto block = read_(advance());
        const auto header = log_header(block);
        if (!header || header->sequence != sequence_) return false;
        switch (static_cast<LogBlock>(header->type)) {
        case LogBlock::descriptor:
            if (!tail_checksum_right(super_, block)) return damaged("descriptor");
            return descriptor(parse_tags(super_, block));
        case LogBlock::commit:
            if (!commit_checksum_right(super_, block)) return damaged("commit");
            commit();
            return true;
        case LogBlock::revoke:
            if (!tail_checksum_right(super_, block)) return damaged("revoke");
            for (const uint64_t each : parse_revoked(super_, block)) revoked_.push_back(each);
            return revoked_.size() <= most_blocks || too_long();
        default:
            return false;
        }
    }

    bool damaged(const std::string& what) {
        notice("transaction " + std::to_string(sequence_) + " has a " + what +
               " block with a wrong checksum; it and what follows are not replayed");
        return false;
    }

    bool too_long() {
        notice("is too long: what follows transaction " + std::to_string(sequence_) + " is not replayed");
        return false;
    }

    bool descriptor(const std::vector<Tag>& tags) {
        for (const Tag& tag : tags) {
            const auto place = log_.physical(advance());
            if (!place) {
                notice("has a hole; transaction " + std::to_string(sequence_) + " and what follows are not replayed");
                return false;
            }
            pending_.push_back({tag.block, *place, tag, sequence_});
        }
        return overlay_.blocks.size() + pending_.size() <= most_blocks || too_long();
    }

    void commit() {
        for (const uint64_t block : revoked_) last_revoked_[block] = sequence_;
        revoked_.clear();
        overlay_.blocks.insert(overlay_.blocks.end(), pending_.begin(), pending_.end());
        pending_.clear();
        sequence_++;
    }

    // "Fast commits": blocks behind the ring, after one that is left out, say what changed since the last full commit.
    // Ours does not redo them.
    void look_for_fast_commits() {
        if (!log_.physical(uint64_t{super_.last()} + 1)) return;
        const auto block = read_(uint64_t{super_.last()} + 1);
        if (le16(block, 0) == fast_commit_head && le16(block, 2) >= 8 && le32(block, 8) == sequence_)
            notice("has fast commits, which are not replayed: the last changes before the crash are missing");
    }

    // Of each block the newest copy, unless it was revoked in that transaction or later.
    void finish() {
        auto& blocks = overlay_.blocks;
        std::erase_if(blocks, [&](const Overlay::Block& each) {
            const auto found = last_revoked_.find(each.block);
            return found != last_revoked_.end() && !later(each.sequence, found->second);
        });
        std::ranges::stable_sort(blocks, {}, &Overlay::Block::block);
        const auto rest = std::unique(blocks.rbegin(), blocks.rend(),
                                      [](const auto& a, const auto& b) { return a.block == b.block; });
        blocks.erase(blocks.begin(), rest.base());
        blocks.shrink_to_fit();
    }

    const JournalSuperblock& super_;
    const LogBlocks& log_;
    const ReadLog& read_;
    uint32_t next_, sequence_;
    std::vector<Overlay::Block> pending_;
    std::vector<uint64_t> revoked_;
    std::unordered_map<uint64_t, uint32_t> last_revoked_;
    Overlay overlay_;
};

} // namespace

const Overlay::Block* Overlay::find(uint64_t block) const {
    const auto found = std::ranges::lower_bound(blocks, block, {}, &Block::block);
    return found != blocks.end() && found->block == block ? &*found : nullptr;
}

Overlay replay_journal(const JournalSuperblock& super, const LogBlocks& log, const ReadLog& read) {
    return Walk(super, log, read).run();
}

} // namespace kanshiki::ext
