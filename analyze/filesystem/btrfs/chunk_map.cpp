#include "analyze/filesystem/btrfs/chunk_map.h"

#include "analyze/filesystem/bytes.h"

#include <algorithm>
#include <bit>

namespace kanshiki::btrfs {
namespace {

constexpr uint64_t raid0 = 1 << 3, raid10 = 1 << 6, raid5 = 1 << 7, raid6 = 1 << 8; // BTRFS_BLOCK_GROUP_…
constexpr uint64_t stripe_length = 64 << 10;                                        // there is no other
constexpr size_t key_size = 17, chunk_size = 48, stripe_size = 32;
constexpr size_t most_chunks = size_t{1} << 20;

[[noreturn]] void fail(uint64_t logical, const std::string& what) {
    throw Error(ExitCode::never_valid, "btrfs chunk at logical " + std::to_string(logical) + ": " + what);
}

size_t item_size(std::span<const std::byte> item) { return chunk_size + size_t{le16(item, 44)} * stripe_size; }

} // namespace

uint64_t ChunkMap::Chunk::columns() const {
    if (profile & raid0) return stripes.size();
    if (profile & raid10) return stripes.size() / sub_stripes;
    if (profile & raid5) return stripes.size() - 1;
    if (profile & raid6) return stripes.size() - 2;
    return 1;
}

void ChunkMap::add(const Key& key, std::span<const std::byte> item) {
    Chunk chunk;
    chunk.size = le64(item, 0);
    chunk.stripe_size = le64(item, 16);
    chunk.profile = le64(item, 24);
    chunk.sub_stripes = le16(item, 46);
    const size_t count = le16(item, 44);
    if (count == 0 || item.size() < item_size(item)) fail(key.offset, std::to_string(count) + " stripes");
    if (chunk.size == 0 || chunk.size > last_offset - key.offset) fail(key.offset, "of impossible size");
    const uint64_t striped = chunk.profile & (raid0 | raid10 | raid5 | raid6);
    if (striped != 0 && chunk.stripe_size != stripe_length)
        fail(key.offset, "stripes of " + std::to_string(chunk.stripe_size) + " bytes");
    if (std::popcount(striped) > 1) fail(key.offset, "of several profiles at once");
    if ((chunk.profile & raid10) && (chunk.sub_stripes == 0 || count % chunk.sub_stripes != 0))
        fail(key.offset, "RAID10 of " + std::to_string(count) + " stripes");
    if (((chunk.profile & raid5) && count < 2) || ((chunk.profile & raid6) && count < 3))
        fail(key.offset, "parity of " + std::to_string(count) + " stripes");
    for (size_t index = 0; index < count; index++) {
        const size_t at = chunk_size + index * stripe_size;
        const Stripe stripe{le64(item, at), le64(item, at + 8)};
        if (stripe.offset > last_offset - chunk.size) fail(key.offset, "a stripe beyond all devices");
        absent_parts_ |= stripe.device != device_;
        chunk.stripes.push_back(stripe);
    }
    const auto after = chunks_.upper_bound(key.offset);
    if (after != chunks_.end() && after->first - key.offset < chunk.size) fail(key.offset, "overlaps the next");
    if (after != chunks_.begin()) {
        const auto before = std::prev(after);
        if (before->first != key.offset && key.offset - before->first < before->second.size)
            fail(key.offset, "overlaps the one before");
    }
    if (chunks_.size() >= most_chunks) fail(key.offset, "is past a million chunks");
    chunks_[key.offset] = std::move(chunk);
}

void ChunkMap::add_array(std::span<const std::byte> array) {
    while (!array.empty()) {
        const Key key{le64(array, 0), little_endian<uint8_t>(array, 8), le64(array, 9)};
        if (key.type != type::chunk_item) fail(key.offset, "the system chunk array has an item of another type");
        const auto rest = array.subspan(key_size);
        const size_t size = item_size(rest);
        if (rest.size() < size) fail(key.offset, "the system chunk array is cut short");
        add(key, rest.first(size));
        array = rest.subspan(size);
    }
}

// Stripes [first, first + count) hold the same; `at` is the offset in each.
void ChunkMap::give(const Chunk& chunk, size_t first, size_t count, uint64_t at, Place& out) const {
    for (size_t index = first; index < first + count; index++) {
        const Stripe& stripe = chunk.stripes[index];
        if (stripe.device == device_)
            out.copies.push_back(stripe.offset + at);
        else
            out.absent.push_back(stripe.device);
    }
}

Place ChunkMap::place(uint64_t logical, uint64_t size) const {
    auto found = chunks_.upper_bound(logical);
    if (found == chunks_.begin()) fail(logical, "there is none");
    --found;
    const Chunk& chunk = found->second;
    const uint64_t at = logical - found->first;
    if (at >= chunk.size) fail(logical, "there is none");
    Place out;
    out.size = std::min(size, chunk.size - at);
    if (!(chunk.profile & (raid0 | raid10 | raid5 | raid6))) {
        give(chunk, 0, chunk.stripes.size(), at, out);
        return out;
    }
    // "Stripes": pieces of stripe_size go round the columns, row by row.
    const uint64_t piece = at / chunk.stripe_size, inside = at % chunk.stripe_size, columns = chunk.columns();
    const uint64_t row = piece / columns, column = piece % columns, offset = row * chunk.stripe_size + inside;
    out.size = std::min(out.size, chunk.stripe_size - inside);
    if (chunk.profile & raid10)
        give(chunk, column * chunk.sub_stripes, chunk.sub_stripes, offset, out);
    else if (chunk.profile & raid0)
        give(chunk, column, 1, offset, out);
    else
        give(chunk, (column + row) % chunk.stripes.size(), 1, offset, out); // parity moves on with each row
    return out;
}

std::vector<Range> ChunkMap::chunks() const {
    std::vector<Range> out;
    for (const auto& [logical, chunk] : chunks_) out.push_back({logical, chunk.size});
    return out;
}

std::vector<Range> ChunkMap::on_this_device() const {
    std::vector<Range> out;
    for (const auto& [logical, chunk] : chunks_)
        for (const Stripe& stripe : chunk.stripes)
            if (stripe.device == device_) out.push_back({stripe.offset, chunk.size / chunk.columns()});
    return out;
}

} // namespace kanshiki::btrfs
