#include "analyze/volume/lvm/logical_volume.h"

#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki::lvm {
namespace {

constexpr size_t most_parts = 1'000'000;
constexpr uint64_t most_stripes = uint64_t{1} << 28; // 16 TiB in stripes of 64 KiB: some seconds

std::vector<Range> joined(std::vector<Range> ranges) {
    std::ranges::sort(ranges, {}, &Range::offset);
    std::vector<Range> out;
    for (const Range& each : ranges) {
        if (out.empty() || each.offset > out.back().end())
            out.push_back(each);
        else
            out.back().size = std::max(out.back().end(), each.end()) - out.back().offset;
    }
    return out;
}

} // namespace

LogicalVolume::LogicalVolume(BlockSource& source, const std::string& name, std::shared_ptr<const SegmentMap> map,
                             std::shared_ptr<const Places> places)
    : source_(source), map_(std::move(map)), places_(std::move(places)), info_(source.info()) {
    info_.uri += ", LVM " + name;
    info_.kind = "lvm";
    info_.size = map_->size;
    info_.holes = false;
    for (const auto& place : *places_) encrypted_ |= place && place->content && place->content->encrypted();
}

void LogicalVolume::read_piece(const Piece& piece, Read& read, std::stop_token stop) {
    const auto part =
        read.into.subspan(static_cast<size_t>(piece.offset - read.offset), static_cast<size_t>(piece.size));
    if (piece.backing != Backing::stored) {
        std::ranges::fill(part, std::byte{0});
        if (piece.backing == Backing::missing) read.bad.push_back({{piece.offset, piece.size}, ENXIO});
        return;
    }
    const Volume& place = *(*places_)[piece.physical];
    Read below;
    below.offset = place.range.offset + piece.at;
    below.into = part;
    below.priority = read.priority;
    place.in(source_).read(below, std::move(stop));
    if (below.got != part.size()) throw Error(ExitCode::source_lost, "the source has become shorter than it was");
    for (const Bad& bad : below.bad)
        read.bad.push_back({{piece.offset + (bad.range.offset - below.offset), bad.range.size}, bad.error});
}

void LogicalVolume::read(Read& read, std::stop_token stop) {
    const uint64_t rest = map_->size - std::min(read.offset, map_->size);
    read.got = static_cast<size_t>(std::min<uint64_t>(read.into.size(), rest));
    read.kind = Kind::data;
    read.bad.clear();
    if (read.frame != nullptr) read.frame->clear();
    walk_pieces(*map_, {read.offset, read.got}, [&](const Piece& piece) {
        read_piece(piece, read, stop);
        return true;
    });
}

std::vector<VolumeContent::Part> LogicalVolume::locate(Range within) const {
    std::vector<Part> out;
    const uint64_t offset = std::min(within.offset, map_->size);
    walk_pieces(*map_, {offset, std::min(within.size, map_->size - offset)}, [&](const Piece& piece) {
        if (piece.backing != Backing::stored) return true;
        const Volume& place = *(*places_)[piece.physical];
        const Range there{place.range.offset + piece.at, piece.size};
        for (const Part& part : kanshiki::locate(place, there))
            out.push_back({piece.offset + (part.offset - there.offset), part.range});
        if (out.size() > most_parts)
            throw Error(ExitCode::never_valid, "the logical volume lies in more than a million parts");
        return true;
    });
    return out;
}

std::vector<Range> LogicalVolume::storage(Range within) const {
    const uint64_t offset = std::min(within.offset, map_->size);
    std::vector<std::vector<Range>> on(places_->size()); // of each physical volume
    const auto add = [&](const Piece& piece) {
        if (piece.backing != Backing::stored) return true;
        auto& ranges = on[piece.physical];
        if (!ranges.empty() && ranges.back().end() == piece.at)
            ranges.back().size += piece.size;
        else
            ranges.push_back({piece.at, piece.size});
        return true;
    };
    walk_pieces(*map_, {offset, std::min(within.size, map_->size - offset)}, add, most_stripes);
    std::vector<Range> out;
    for (size_t index = 0; index < on.size(); index++)
        for (const Range& range : on[index]) {
            const Volume& place = *(*places_)[index];
            std::ranges::copy(kanshiki::storage(place, {place.range.offset + range.offset, range.size}),
                              std::back_inserter(out));
        }
    return joined(std::move(out));
}

} // namespace kanshiki::lvm
