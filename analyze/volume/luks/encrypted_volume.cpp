#include "analyze/volume/luks/encrypted_volume.h"

#include "kanshiki/error.h"
#include <algorithm>
#include <cstring>

namespace kanshiki::luks {

EncryptedVolume::EncryptedVolume(BlockSource& source, Volume place, const Header& header, SectorCipher cipher)
    : source_(source), place_(std::move(place)), offset_(place_.range.offset + header.offset),
      first_number_(header.first_iv), sector_(header.sector_size), cipher_(std::move(cipher)), info_(source.info()) {
    const uint64_t rest = place_.range.size - std::min(header.offset, place_.range.size);
    const uint64_t size = std::min(rest, header.size.value_or(rest));
    info_.uri += ", LUKS " + header.uuid;
    info_.kind = "luks";
    info_.size = size - size % sector_;
    info_.holes = false;
}

// Whole sectors. One that is unreadable in part is unreadable: half of its ciphertext decrypts to nothing.
void EncryptedVolume::read_sectors(uint64_t offset, std::span<std::byte> into, Read& read, std::stop_token stop) {
    Read below;
    below.offset = offset_ + offset;
    below.into = into;
    below.priority = read.priority;
    place_.in(source_).read(below, std::move(stop));
    if (below.got != into.size()) throw Error(ExitCode::source_lost, "the source has become shorter than it was");
    cipher_.decrypt(into, sector_, first_number_ + offset / 512);
    for (const Bad& bad : below.bad) {
        uint64_t from = bad.range.offset - offset_, end = bad.range.end() - offset_;
        from -= from % sector_;
        end += (sector_ - end % sector_) % sector_;
        std::fill_n(into.begin() + static_cast<std::ptrdiff_t>(from - offset), end - from, std::byte{0});
        from = std::max(from, read.offset);
        if (!read.bad.empty()) from = std::max(from, read.bad.back().range.end());
        end = std::min(end, read.offset + read.got);
        if (from < end) read.bad.push_back({{from, end - from}, bad.error});
    }
}

void EncryptedVolume::read(Read& read, std::stop_token stop) {
    const uint64_t whole = *info_.size, from = std::min(read.offset, whole);
    read.got = static_cast<size_t>(std::min<uint64_t>(read.into.size(), whole - from));
    read.kind = Kind::data;
    read.bad.clear();
    if (read.frame != nullptr) read.frame->clear();
    if (read.got == 0) return;
    const uint64_t start = from - from % sector_,
                   end = from + read.got + (sector_ - (from + read.got) % sector_) % sector_;
    if (start == from && end == from + read.got)
        return read_sectors(from, read.into.first(read.got), read, std::move(stop));
    std::vector<std::byte> sectors(static_cast<size_t>(end - start));
    read_sectors(start, sectors, read, std::move(stop));
    std::memcpy(read.into.data(), sectors.data() + (from - start), read.got);
}

std::vector<VolumeContent::Part> EncryptedVolume::locate(Range within) const {
    const uint64_t from = std::min(within.offset, *info_.size), size = std::min(within.size, *info_.size - from);
    if (size == 0) return {};
    std::vector<Part> out = kanshiki::locate(place_, {offset_ + from, size});
    for (Part& part : out) part.offset -= offset_;
    return out;
}

std::vector<Range> EncryptedVolume::storage(Range within) const {
    const uint64_t from = std::min(within.offset, *info_.size), size = std::min(within.size, *info_.size - from);
    if (size == 0) return {};
    return kanshiki::storage(place_, {offset_ + from, size});
}

} // namespace kanshiki::luks
