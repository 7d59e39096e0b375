#include "analyze/filesystem/volume_reader.h"

#include "kanshiki/error.h"

#include <algorithm>
#include <cstring>

namespace kanshiki {
namespace {

constexpr uint64_t block_size = 64 * 1024;

Range cut(Range volume, const std::optional<uint64_t>& size) {
    if (!size) return volume;
    const uint64_t offset = std::min(volume.offset, *size);
    return {offset, std::min(volume.size, *size - offset)};
}

} // namespace

VolumeReader::VolumeReader(BlockSource& source, Range volume, std::stop_token stop)
    : source_(source), volume_(cut(volume, source.info().size)), stop_(std::move(stop)) {
    indices_.fill(nothing);
}

void VolumeReader::check(uint64_t offset, size_t size) const {
    if (offset <= volume_.size && size <= volume_.size - offset) return;
    throw Error(ExitCode::never_valid, "byte " + std::to_string(offset) + " of the volume is beyond its end at " +
                                           std::to_string(volume_.size));
}

void VolumeReader::remember(const std::vector<Bad>& bad, uint64_t offset, size_t size) {
    for (const Bad& each : bad) {
        if (each.range.offset < offset + size && offset < each.range.end() &&
            std::find(unreadable_.begin(), unreadable_.end(), each) == unreadable_.end())
            unreadable_.push_back(each);
    }
}

VolumeReader::Block& VolumeReader::block(uint64_t index) {
    if (indices_[last_] != index) {
        last_ = static_cast<size_t>(std::ranges::find(indices_, index) - indices_.begin());
        if (last_ == indices_.size()) fill(last_ = oldest(), index);
    }
    used_[last_] = ++clock_;
    return blocks_[last_];
}

size_t VolumeReader::oldest() const { return static_cast<size_t>(std::ranges::min_element(used_) - used_.begin()); }

void VolumeReader::fill(size_t slot, uint64_t index) {
    Block& block = blocks_[slot];
    indices_[slot] = nothing; // should the source throw
    if (!block.bytes) block.bytes = std::make_unique_for_overwrite<std::byte[]>(block_size);
    Read read;
    read.offset = volume_.offset + index * block_size;
    read.into = {block.bytes.get(), static_cast<size_t>(std::min(block_size, volume_.size - index * block_size))};
    source_.read(read, stop_);
    block.size = read.got;
    block.bad = std::move(read.bad);
    indices_[slot] = index;
}

std::span<const std::byte> VolumeReader::part(uint64_t offset, size_t size, bool note) {
    Block& found = block(offset / block_size);
    const auto inside = static_cast<size_t>(offset % block_size);
    if (inside + size > found.size) throw Error(ExitCode::source_lost, "the source has become shorter than it was");
    if (note && !found.bad.empty()) remember(found.bad, volume_.offset + offset, size);
    return {found.bytes.get() + inside, size};
}

void VolumeReader::read(uint64_t offset, std::span<std::byte> into, bool note) {
    check(offset, into.size());
    while (!into.empty()) {
        const size_t size = std::min(into.size(), static_cast<size_t>(block_size - offset % block_size));
        std::memcpy(into.data(), part(offset, size, note).data(), size);
        offset += size;
        into = into.subspan(size);
    }
}

std::span<const std::byte> VolumeReader::view(uint64_t offset, size_t size) {
    check(offset, size);
    if (offset % block_size + size > block_size)
        throw Error(ExitCode::internal, "a view of the volume that crosses blocks of the cache");
    return part(offset, size, true);
}

void VolumeReader::read_through(uint64_t offset, std::span<std::byte> into) {
    check(offset, into.size());
    if (into.size() <= block_size / 4) return read(offset, into);
    Read read;
    read.offset = volume_.offset + offset;
    read.into = into;
    source_.read(read, stop_);
    if (read.got != into.size()) throw Error(ExitCode::source_lost, "the source has become shorter than it was");
    remember(read.bad, read.offset, read.got);
}

std::vector<Bad> VolumeReader::take_unreadable() { return std::exchange(unreadable_, {}); }

} // namespace kanshiki
