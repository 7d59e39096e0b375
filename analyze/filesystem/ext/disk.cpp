#include "analyze/filesystem/ext/disk.h"

#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/ext/checksum.h"

#include <algorithm>

namespace kanshiki::ext {
namespace {

constexpr size_t most_warnings = 10'000;

[[noreturn]] void fail(const Superblock& super, const std::string& what) {
    throw Error(ExitCode::never_valid, super.type + ": " + what);
}

bool bit(const std::vector<std::byte>& bits, uint64_t at) {
    return std::to_integer<unsigned>(bits[static_cast<size_t>(at / 8)]) >> at % 8 & 1;
}

void set_bit(std::vector<std::byte>& bits, uint64_t at) {
    if (at / 8 < bits.size()) bits[static_cast<size_t>(at / 8)] |= static_cast<std::byte>(1 << at % 8);
}

} // namespace

Disk::Disk(std::unique_ptr<VolumeReader> reader, Superblock super)
    : reader_(std::move(reader)), super_(std::move(super)), overlay_(std::make_shared<Overlay>()) {}

void Disk::replay(std::shared_ptr<const Overlay> overlay) {
    overlay_ = std::move(overlay);
    descriptors_ = {};
    inode_bitmaps_ = {};
    block_bitmaps_ = {};
}

std::span<const std::byte> Disk::block(uint64_t number) {
    if (number >= super_.blocks)
        fail(super_, "block " + std::to_string(number) + " is beyond the last, " + std::to_string(super_.blocks - 1));
    if (!overlay_->blocks.empty())
        if (const Overlay::Block* newer = overlay_->find(number)) return journal_block(*newer);
    return block_in_place(number);
}

std::span<const std::byte> Disk::block_in_place(uint64_t number) {
    return reader_->view(number * super_.block_size, super_.block_size);
}

std::span<const std::byte> Disk::journal_block(const Overlay::Block& from) {
    const auto bytes = reader_->view(from.at * super_.block_size, super_.block_size);
    if (!tag_checksum_right(overlay_->super, from.tag, from.sequence, bytes)) {
        warn(super_.type + " journal: the copy of block " + std::to_string(from.block) + " in transaction " +
             std::to_string(from.sequence) + " has a wrong checksum; the older one in its place is read");
        return block_in_place(from.block);
    }
    if (!from.tag.escaped) return bytes;
    unescaped_.assign(bytes.begin(), bytes.end());
    for (size_t index = 0; index < 4; index++)
        unescaped_[index] = static_cast<std::byte>(journal_magic >> (24 - 8 * index));
    return unescaped_;
}

void Disk::read_content(uint64_t offset, std::span<std::byte> into) {
    const uint64_t block_size = super_.block_size;
    auto newer = std::ranges::lower_bound(overlay_->blocks, offset / block_size, {}, &Overlay::Block::block);
    while (!into.empty()) {
        size_t size = into.size();
        if (newer != overlay_->blocks.end() && newer->block * block_size < offset + size) {
            const uint64_t at = newer->block * block_size;
            if (at <= offset) { // data=journal: the content itself stands in the journal
                const auto inside = static_cast<size_t>(offset - at);
                size = std::min(size, static_cast<size_t>(block_size) - inside);
                std::ranges::copy(journal_block(*newer++).subspan(inside, size), into.begin());
                offset += size;
                into = into.subspan(size);
                continue;
            }
            size = static_cast<size_t>(at - offset);
        }
        reader_->read_through(offset, into.first(size));
        offset += size;
        into = into.subspan(size);
    }
}

// A volume that was cut off may still hold the tables of some groups that lie behind its end (flex_bg).
uint64_t Disk::groups() const {
    constexpr uint64_t cut_off = 1024;
    const uint64_t held = reader_->size() / super_.block_size;
    const uint64_t table = std::max<uint64_t>(super_.table_blocks(), 1);
    return std::min(
        {super_.groups(), super_.block_groups(), held / super_.blocks_per_group + cut_off, held / table + 1});
}

const Group& Disk::group(uint64_t number) {
    const uint64_t count = std::max(super_.groups(), super_.block_groups());
    if (number >= count) fail(super_, "no block group " + std::to_string(number));
    const uint64_t per_block = super_.block_size / super_.descriptor_size, index = number / per_block;
    DescriptorBlock& held = descriptors_[index % descriptors_.size()];
    if (held.index != index) {
        held.index = ~uint64_t{0};
        held.groups.clear();
        const auto bytes = block(descriptor_offset(super_, index * per_block) / super_.block_size);
        for (uint64_t at = 0; at < per_block && index * per_block + at < count; at++) {
            const uint64_t each = index * per_block + at;
            held.groups.push_back(parse_group(
                super_, each, bytes.subspan(static_cast<size_t>(at * super_.descriptor_size), super_.descriptor_size)));
            if (held.groups.back().checksum_wrong)
                warn(super_.type + " block group " + std::to_string(each) + ": its descriptor's checksum is wrong");
        }
        held.index = index;
    }
    return held.groups[static_cast<size_t>(number % per_block)];
}

std::span<const std::byte> Disk::inode_bytes(uint64_t number) {
    if (number == 0 || number > super_.inodes)
        fail(super_, "inode " + std::to_string(number) + ": is beyond the last, " + std::to_string(super_.inodes));
    const uint64_t index = (number - 1) / super_.inodes_per_group;
    const Group& found = group(index);
    if (found.wrong)
        fail(super_, "inode " + std::to_string(number) + ": block group " + std::to_string(index) +
                         " keeps its inodes beyond the end, at block " + std::to_string(found.inode_table));
    const uint64_t offset = (number - 1) % super_.inodes_per_group * super_.inode_size;
    return block(found.inode_table + offset / super_.block_size)
        .subspan(static_cast<size_t>(offset % super_.block_size), super_.inode_size);
}

const std::vector<std::byte>& Disk::inode_bitmap(uint64_t number) {
    Bitmap& held = inode_bitmaps_[number % inode_bitmaps_.size()];
    if (held.group == number) return held.bits;
    held.group = ~uint64_t{0};
    const Group found = group(number);
    held.bits.assign(super_.block_size, std::byte{0});
    if (!found.inodes_uninitialised) {
        if (found.wrong) fail(super_, "block group " + std::to_string(number) + " lies beyond the end");
        std::ranges::copy(block(found.inode_bitmap), held.bits.begin());
        const uint32_t mask = super_.descriptor_size > 32 ? ~uint32_t{0} : 0xffff;
        const auto covered = std::span(held.bits).first(super_.inodes_per_group / 8);
        if (super_.metadata_checksums() &&
            (crc32c(super_.checksum_seed, covered) & mask) != (found.inode_bitmap_checksum & mask))
            warn(super_.type + " block group " + std::to_string(number) + ": its inode bitmap's checksum is wrong");
    }
    held.group = number;
    return held.bits;
}

bool Disk::inode_used(uint64_t number) {
    return bit(inode_bitmap((number - 1) / super_.inodes_per_group), (number - 1) % super_.inodes_per_group);
}

// What mke2fs would have written there: the group's own tables and the copies of superblock and descriptors.
void Disk::uninitialised_block_bitmap(const Group& found, uint64_t number, std::vector<std::byte>& bits) const {
    const uint64_t first = super_.first_block(number), end = first + super_.blocks_per_group;
    const auto mark = [&](uint64_t block, uint64_t count) {
        const uint64_t from = std::max(block, first), to = std::min(block + count, end);
        for (uint64_t at = from; at < to; at++) set_bit(bits, (at - first) / super_.cluster_blocks);
    };
    mark(first, base_blocks(super_, number));
    mark(found.block_bitmap, 1);
    mark(found.inode_bitmap, 1);
    mark(found.inode_table, super_.table_blocks());
}

const std::vector<std::byte>& Disk::block_bitmap(uint64_t number) {
    Bitmap& held = block_bitmaps_[number % block_bitmaps_.size()];
    if (held.group == number) return held.bits;
    held.group = ~uint64_t{0};
    const Group found = group(number);
    held.bits.assign(super_.block_size, std::byte{0});
    if (found.wrong) fail(super_, "block group " + std::to_string(number) + " lies beyond the end");
    if (found.blocks_uninitialised) {
        uninitialised_block_bitmap(found, number, held.bits);
    } else {
        std::ranges::copy(block(found.block_bitmap), held.bits.begin());
        const uint32_t mask = super_.descriptor_size > 32 ? ~uint32_t{0} : 0xffff;
        const auto covered = std::span(held.bits).first(super_.blocks_per_group / super_.cluster_blocks / 8);
        if (super_.metadata_checksums() &&
            (crc32c(super_.checksum_seed, covered) & mask) != (found.block_bitmap_checksum & mask))
            warn(super_.type + " block group " + std::to_string(number) + ": its block bitmap's checksum is wrong");
    }
    held.group = number;
    return held.bits;
}

bool Disk::blocks_free(uint64_t first, uint64_t count) {
    for (uint64_t at = first; at < first + count; at++) {
        if (at < super_.first_data_block || at >= super_.blocks) return false;
        const uint64_t index = at - super_.first_data_block, of = index / super_.blocks_per_group;
        if (bit(block_bitmap(of), index % super_.blocks_per_group / super_.cluster_blocks)) return false;
    }
    return true;
}

std::optional<uint64_t> Disk::first_inode_in(uint64_t number) {
    if (tables_.empty()) {
        for (uint64_t index = 0; index < groups(); index++)
            if (const Group& each = group(index); !each.wrong) tables_.emplace_back(each.inode_table, index);
        std::ranges::sort(tables_);
    }
    auto table = std::ranges::upper_bound(tables_, number, {}, &std::pair<uint64_t, uint64_t>::first);
    if (table == tables_.begin()) return {};
    --table;
    const uint64_t first = (number - table->first) * (super_.block_size / super_.inode_size);
    if (first >= super_.inodes_per_group) return {};
    return table->second * super_.inodes_per_group + first + 1;
}

void Disk::warn(std::string text) {
    if (warned_.size() > most_warnings || !warned_.insert(text).second) return;
    if (warned_.size() > most_warnings) text = super_.type + ": further wrong checksums are not listed";
    warnings_.push_back(std::move(text));
}

std::vector<std::string> Disk::take_warnings() { return std::exchange(warnings_, {}); }

} // namespace kanshiki::ext
