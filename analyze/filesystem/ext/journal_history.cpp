#include "analyze/filesystem/ext/journal_history.h"

#include <algorithm>

namespace kanshiki::ext {
namespace {

// Sequence numbers wrap.
bool later(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) > 0; }

} // namespace

History::History(const JournalSuperblock& super, const LogBlocks& log, const ReadLog& read) : super_(super) {
    scan(log, read);
    drop_overwritten();
    by_block_.resize(copies_.size());
    for (uint32_t index = 0; index < by_block_.size(); index++) by_block_[index] = index;
    std::ranges::stable_sort(by_block_, [&](uint32_t a, uint32_t b) {
        const LogCopy &left = copies_[a], &right = copies_[b];
        return left.block != right.block ? left.block < right.block : later(right.sequence, left.sequence);
    });
}

void History::scan(const LogBlocks& log, const ReadLog& read) {
    for (uint32_t index = super_.first; index < super_.last(); index++) {
        if (!log.physical(index)) continue;
        const auto block = read(index);
        const auto header = log_header(block);
        if (!header) continue;
        headers_.push_back(index);
        if (header->type == static_cast<uint32_t>(LogBlock::commit) && commit_checksum_right(super_, block))
            committed_.push_back(header->sequence);
        if (header->type != static_cast<uint32_t>(LogBlock::descriptor) || !tail_checksum_right(super_, block))
            continue;
        uint32_t at = index;
        for (const Tag& tag : parse_tags(super_, block)) {
            if (++at >= super_.last()) at = super_.first; // a ring
            if (at == index) break;
            if (log.physical(at)) copies_.push_back({tag.block, at, header->sequence, tag});
        }
        if (at > index) index = at;
    }
    std::ranges::sort(committed_);
}

// The log was written around: of what two transactions claim the newer has it, and what stands there as a header is no
// data. Without checksums the data of a transaction that was never committed may never have been written.
void History::drop_overwritten() {
    std::ranges::stable_sort(copies_, [](const LogCopy& a, const LogCopy& b) {
        return a.index != b.index ? a.index < b.index : later(a.sequence, b.sequence);
    });
    const auto same = [](const LogCopy& a, const LogCopy& b) { return a.index == b.index; };
    copies_.erase(std::unique(copies_.begin(), copies_.end(), same), copies_.end());
    std::erase_if(copies_, [&](const LogCopy& each) {
        return std::ranges::binary_search(headers_, each.index) ||
               (!super_.checksums() && !std::ranges::binary_search(committed_, each.sequence));
    });
}

const LogCopy* History::as_of(uint64_t block, uint32_t sequence) const {
    const auto before = [&](uint32_t index) { return copies_[index].block < block; };
    const auto end = std::partition_point(by_block_.begin(), by_block_.end(),
                                          [&](uint32_t index) { return copies_[index].block <= block; });
    for (auto each = end; each != by_block_.begin() && !before(*(each - 1)); --each) {
        const LogCopy& copy = copies_[*(each - 1)];
        if (!later(copy.sequence, sequence)) return &copy;
    }
    return nullptr;
}

bool History::read(const LogCopy& copy, const ReadLog& read, std::vector<std::byte>& into) const {
    const auto bytes = read(copy.index);
    if (!tag_checksum_right(super_, copy.tag, copy.sequence, bytes)) return false;
    into.assign(bytes.begin(), bytes.end());
    for (size_t at = 0; copy.tag.escaped && at < 4; at++)
        into[at] = static_cast<std::byte>(journal_magic >> (24 - 8 * at));
    return true;
}

} // namespace kanshiki::ext
