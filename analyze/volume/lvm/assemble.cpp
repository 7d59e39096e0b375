#include "analyze/volume/lvm/assemble.h"

#include "analyze/volume/lvm/layout.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <set>

namespace kanshiki::lvm {
namespace {

constexpr uint64_t most_text = 128 << 20; // of all copies together
constexpr size_t most_volumes = 4096;     // of one group

struct Candidate {
    VolumeGroup group;
    bool sound = true;
};

class Assembly {
public:
    Assembly(BlockSource& source, const std::vector<Found>& found, std::stop_token stop)
        : source_(source), found_(found), stop_(std::move(stop)) {
        out_.holds.resize(found.size(), "LVM2 physical volume, in no volume group");
        out_.grouped.resize(found.size());
    }

    Assembled run() {
        for (const Found& each : found_) {
            for (const std::string& fault : each.physical.faults) say(name_of(each), fault);
            for (const MetadataCopy& copy : each.physical.copies) consider(each, copy);
        }
        for (const Candidate& each : groups_) lay_out(each.group);
        return std::move(out_);
    }

private:
    static std::string name_of(const Found& found) { return "physical volume " + found.physical.uuid; }
    void say(const std::string& of, const std::string& what) { out_.notices.push_back("LVM " + of + ": " + what); }

    // The newest sound copy of each group counts.
    void consider(const Found& from, const MetadataCopy& copy) {
        if (!texts_.insert(copy.text).second) return; // the same as another
        text_ += copy.text.size();
        if (text_ > most_text) return say(name_of(from), "more metadata than 128 MiB in all; the rest is not read");
        Candidate fresh{{}, copy.sound};
        try {
            fresh.group = parse_volume_group(copy.text);
        } catch (const Error& error) {
            return say(name_of(from), std::string("its metadata makes no sense: ") + error.what());
        }
        const auto same =
            std::ranges::find_if(groups_, [&](const Candidate& each) { return each.group.uuid == fresh.group.uuid; });
        if (same == groups_.end()) return groups_.push_back(std::move(fresh));
        const auto rank = [](const Candidate& each) { return std::pair(each.sound, each.group.sequence); };
        const bool newer = rank(fresh) > rank(*same);
        say(fresh.group.name, "copies of its metadata differ: that of sequence number " +
                                  std::to_string((newer ? fresh : *same).group.sequence) + " is used, not " +
                                  std::to_string((newer ? *same : fresh).group.sequence));
        if (newer) *same = std::move(fresh);
    }

    // Where the group's physical volumes are.
    std::shared_ptr<const Places> places_of(const VolumeGroup& group) {
        auto places = std::make_shared<Places>(group.physical.size());
        for (size_t index = 0; index < group.physical.size(); index++) {
            for (size_t at = 0; at < found_.size(); at++) {
                if (found_[at].physical.uuid != group.physical[index].uuid) continue;
                out_.holds[at] = "LVM2 physical volume of the volume group " + group.name;
                out_.grouped[at] = true;
                auto& place = (*places)[index];
                if (place)
                    say(group.name, "physical volume " + group.physical[index].name + " is there twice, at bytes " +
                                        std::to_string(place->range.offset) + " and " +
                                        std::to_string(found_[at].place.range.offset) + "; the first is used");
                else
                    place = found_[at].place;
            }
            if (!(*places)[index])
                say(group.name, "physical volume " + group.physical[index].name + " (" + group.physical[index].uuid +
                                    ") is not in this source");
        }
        return places;
    }

    bool read_physical(const Places& places, size_t physical, uint64_t offset, std::span<std::byte> into) {
        const Volume& place = *places[physical];
        Read read;
        read.offset = place.range.offset + offset;
        read.into = into;
        place.in(source_).read(read, stop_);
        return read.got == into.size() && read.bad.empty();
    }

    void lay_out(const VolumeGroup& group) {
        const auto places = places_of(group);
        std::vector<std::optional<uint64_t>> present;
        for (const auto& place : *places) present.push_back(place ? std::optional(place->range.size) : std::nullopt);
        for (const std::string& fault : group.faults) say(group.name, fault);
        Layout layout(group, std::move(present), [&](size_t physical, uint64_t offset, std::span<std::byte> into) {
            return read_physical(*places, physical, offset, into);
        });
        for (const std::string& overlap : layout.overlaps()) say(group.name, overlap);
        size_t count = 0;
        for (const LogicalVolumeEntry& logical : group.logical) {
            if (!logical.visible) continue; // a part of another
            if (++count > most_volumes) return say(group.name, "has more than 4096 volumes; the rest is not read");
            add(group, logical, layout.lay_out(logical), places);
        }
    }

    void add(const VolumeGroup& group, const LogicalVolumeEntry& logical, const LaidOut& laid,
             const std::shared_ptr<const Places>& places) {
        Volume volume;
        volume.name = group.name + "/" + logical.name;
        volume.description = "LVM " + volume.name;
        volume.range = {0, laid.map->size};
        volume.content = std::make_shared<LogicalVolume>(source_, volume.name, laid.map, places);
        if (!laid.unreadable.empty())
            volume.holds = laid.unreadable;
        else
            for (const std::string& notice : laid.notices) say(volume.name, notice);
        const bool plain = std::ranges::any_of(*places, [](const std::optional<Volume>& place) {
            return place && !(place->content && place->content->encrypted());
        });
        out_.volumes.push_back({std::move(volume), plain});
    }

    BlockSource& source_;
    const std::vector<Found>& found_;
    const std::stop_token stop_;
    std::vector<Candidate> groups_;
    std::set<std::string_view> texts_;
    uint64_t text_ = 0;
    Assembled out_;
};

} // namespace

Assembled assemble(BlockSource& source, const std::vector<Found>& found, std::stop_token stop) {
    return Assembly(source, found, std::move(stop)).run();
}

} // namespace kanshiki::lvm
