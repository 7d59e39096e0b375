#include "analyze/filesystem/ext/journal.h"

#include "analyze/filesystem/bytes.h"
#include "analyze/filesystem/crc32c.h"

#include <algorithm>

namespace kanshiki::ext {
namespace {

constexpr size_t header_size = 12, uuid_size = 16, tail_size = 4, commit_checksum_at = 16;
constexpr uint16_t escape_flag = 1, same_uuid_flag = 2, last_flag = 8;
constexpr uint32_t known_incompatible = 0x3f, default_fast_commit_blocks = 256;

[[noreturn]] void invalid(const std::string& why) { throw Error(ExitCode::never_valid, "the journal: " + why); }

std::array<std::byte, 4> big_endian_bytes(uint32_t number) {
    std::array<std::byte, 4> bytes{};
    for (size_t index = 0; index < bytes.size(); index++)
        bytes[index] = static_cast<std::byte>(number >> (24 - 8 * index));
    return bytes;
}

// CRC-32C of `bytes` as if the four at `at` were zero.
uint32_t checksum_without(uint32_t seed, std::span<const std::byte> bytes, size_t at) {
    const uint32_t state = crc32c(crc32c(seed, bytes.first(at)), std::array<std::byte, 4>{});
    return crc32c(state, bytes.subspan(at + 4));
}

// "Descriptor Block": the tag's size depends on the features; version 2 checksums made it odd.
size_t tag_size(const JournalSuperblock& super) {
    if (super.checksum_v3()) return 16;
    return (super.wide() ? 12 : 8) + (super.checksum_v2() ? 2 : 0);
}

Tag parse_tag(const JournalSuperblock& super, std::span<const std::byte> bytes, uint32_t& flags) {
    Tag tag;
    tag.block = be32(bytes, 0);
    if (super.checksum_v3()) {
        flags = be32(bytes, 4);
        if (super.wide()) tag.block |= uint64_t{be32(bytes, 8)} << 32;
        tag.checksum = be32(bytes, 12);
    } else {
        tag.checksum = be16(bytes, 4);
        flags = be16(bytes, 6);
        if (super.wide()) tag.block |= uint64_t{be32(bytes, 8)} << 32;
    }
    tag.escaped = flags & escape_flag;
    return tag;
}

} // namespace

std::optional<uint64_t> LogBlocks::physical(uint64_t index) const {
    auto run = std::ranges::upper_bound(runs_, index, {}, &BlockRun::logical);
    if (run == runs_.begin()) return {};
    --run;
    if (index - run->logical >= run->count || run->unwritten) return {};
    return run->physical + (index - run->logical);
}

JournalSuperblock parse_journal_superblock(std::span<const std::byte> bytes, uint32_t block_size, uint64_t blocks) {
    const auto header = log_header(bytes);
    const bool second = header && header->type == static_cast<uint32_t>(LogBlock::superblock_v2);
    if (!header || (!second && header->type != static_cast<uint32_t>(LogBlock::superblock_v1)))
        invalid("has no superblock");
    JournalSuperblock super;
    super.block_size = be32(bytes, 0xc);
    super.length = be32(bytes, 0x10);
    super.first = be32(bytes, 0x14);
    super.sequence = be32(bytes, 0x18);
    super.start = be32(bytes, 0x1c);
    if (second) {
        super.incompatible = be32(bytes, 0x28);
        super.checksum_seed = crc32c(~uint32_t{0}, bytes.subspan(0x30, uuid_size));
        if (super.fast_commits()) {
            const uint32_t told = be32(bytes, 0x54);
            super.fast_commit_blocks = told != 0 ? told : default_fast_commit_blocks;
        }
        if (super.checksums())
            super.checksum_wrong = checksum_without(~uint32_t{0}, bytes.first(1024), 0xfc) != be32(bytes, 0xfc);
    }
    if (super.incompatible & ~known_incompatible) invalid("uses features that are not known here");
    if (super.block_size != block_size) invalid("has blocks of " + std::to_string(super.block_size) + " bytes");
    if (super.length > blocks || super.fast_commit_blocks >= super.length || super.first == 0 ||
        super.first >= super.last() || (super.start != 0 && (super.start < super.first || super.start >= super.last())))
        invalid("claims " + std::to_string(super.length) + " blocks, from " + std::to_string(super.first) +
                ", starting at " + std::to_string(super.start) + "; its file has " + std::to_string(blocks));
    return super;
}

std::optional<LogHeader> log_header(std::span<const std::byte> block) {
    if (be32(block, 0) != journal_magic) return {};
    return LogHeader{be32(block, 4), be32(block, 8)};
}

std::vector<Tag> parse_tags(const JournalSuperblock& super, std::span<const std::byte> descriptor) {
    std::vector<Tag> tags;
    const size_t size = tag_size(super), end = descriptor.size() - (super.checksums() ? tail_size : 0);
    for (size_t at = header_size; at + size <= end;) {
        uint32_t flags = 0;
        tags.push_back(parse_tag(super, descriptor.subspan(at, size), flags));
        at += size + (flags & same_uuid_flag ? 0 : uuid_size);
        if (flags & last_flag) break;
    }
    return tags;
}

std::vector<uint64_t> parse_revoked(const JournalSuperblock& super, std::span<const std::byte> block) {
    std::vector<uint64_t> revoked;
    const size_t size = super.wide() ? 8 : 4, most = block.size() - (super.checksums() ? tail_size : 0);
    const size_t end = std::min<size_t>(be32(block, header_size), most);
    for (size_t at = header_size + 4; at + size <= end; at += size)
        revoked.push_back(super.wide() ? be64(block, at) : be32(block, at));
    return revoked;
}

bool tail_checksum_right(const JournalSuperblock& super, std::span<const std::byte> block) {
    if (!super.checksums()) return true;
    const size_t at = block.size() - tail_size;
    return checksum_without(super.checksum_seed, block, at) == be32(block, at);
}

bool commit_checksum_right(const JournalSuperblock& super, std::span<const std::byte> block) {
    if (!super.checksums()) return true;
    return checksum_without(super.checksum_seed, block, commit_checksum_at) == be32(block, commit_checksum_at);
}

bool tag_checksum_right(const JournalSuperblock& super, const Tag& tag, uint32_t sequence,
                        std::span<const std::byte> block) {
    if (!super.checksums()) return true;
    const uint32_t found = crc32c(crc32c(super.checksum_seed, big_endian_bytes(sequence)), block);
    return super.checksum_v3() ? found == tag.checksum : (found & 0xffff) == tag.checksum;
}

} // namespace kanshiki::ext
