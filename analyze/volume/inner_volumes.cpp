#include "analyze/volume/inner_volumes.h"

#include "analyze/volume/lvm/assemble.h"
#include "analyze/volume/read_partitions.h"
#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki::volume {
namespace {

constexpr unsigned deepest = 4;         // volumes inside each other
constexpr size_t most_volumes = 10'000; // found inside others
constexpr size_t most_physical = 256;   // at one depth

// plain: found without a key. Numbers are given to those first, so that a key changes no number.
struct Inner {
    Volume volume;
    bool plain = true;
};

class Search {
public:
    Search(BlockSource& source, VolumeTable& table, std::stop_token stop)
        : source_(source), table_(table), stop_(std::move(stop)) {}

    void run() {
        std::vector<Inner> level;
        for (const Volume& each : table_.volumes)
            if (each.allocated) level.push_back({each, true});
        for (unsigned depth = 0; !level.empty(); depth++) {
            std::vector<Inner> below = depth < deepest ? look_into(level, depth) : std::vector<Inner>();
            keep(std::move(level), depth);
            level = std::move(below);
        }
        number();
    }

private:
    // What is in the volumes of one depth.
    std::vector<Inner> look_into(std::vector<Inner>& level, unsigned depth) {
        std::vector<Inner> below;
        std::vector<lvm::Found> physical;
        std::vector<size_t> owners; // of each physical volume: its place in level
        for (size_t index = 0; index < level.size(); index++) {
            Volume& volume = level[index].volume;
            if (volume.range.size == 0 || !volume.holds.empty()) continue;
            if (depth > 0) add_partitions(level[index], below);
            auto found = lvm::read_physical_volume(disk_of(volume.in(source_), volume.range, stop_));
            if (!found) continue;
            if (physical.size() == most_physical) {
                table_.notices.push_back("more than 256 LVM physical volumes; the rest is not read");
                break;
            }
            physical.push_back({volume, std::move(*found)});
            owners.push_back(index);
        }
        lvm::Assembled assembled = lvm::assemble(source_, physical, stop_);
        for (size_t index = 0; index < owners.size(); index++) {
            level[owners[index]].volume.holds = assembled.holds[index];
            level[owners[index]].volume.opened = assembled.grouped[index];
        }
        std::ranges::move(assembled.notices, std::back_inserter(table_.notices));
        for (lvm::LogicalFound& each : assembled.volumes) below.push_back({std::move(each.volume), each.plain});
        return below;
    }

    // A logical volume may be the disk of a virtual machine.
    void add_partitions(Inner& disk, std::vector<Inner>& below) {
        Volume& volume = disk.volume;
        if (!volume.content || volume.range != Range{0, volume.content->info().size.value_or(0)}) return;
        std::byte sector[512];
        if (volume.range.size < sizeof sector) return;
        disk_of(*volume.content, volume.range, stop_).read(0, sector);
        if (sector[510] != std::byte{0x55} || sector[511] != std::byte{0xaa}) return;
        const VolumeTable inside = read_partitions(*volume.content, stop_);
        if (inside.scheme == "none") return;
        volume.holds = "partition table (" + inside.scheme + ")";
        volume.opened = true;
        for (const std::string& notice : inside.notices) table_.notices.push_back(volume.name + ": " + notice);
        for (Volume each : inside.volumes) {
            if (!each.allocated) continue;
            each.content = volume.content;
            each.name = volume.name + "/" + std::to_string(each.number);
            each.description = "partition " + each.name + ": " + each.description;
            below.push_back({std::move(each), disk.plain});
        }
    }

    void keep(std::vector<Inner> level, unsigned depth) {
        for (Inner& each : level) {
            if (depth == 0) {
                const auto same = [&](const Volume& known) {
                    return known.allocated && known.number == each.volume.number;
                };
                *std::ranges::find_if(table_.volumes, same) = std::move(each.volume);
            } else if (found_.size() < most_volumes) {
                found_.push_back(std::move(each));
            } else {
                return table_.notices.push_back("more than 10000 volumes inside others; the rest is left out");
            }
        }
    }

    void number() {
        std::stable_partition(found_.begin(), found_.end(), [](const Inner& each) { return each.plain; });
        unsigned last = 0;
        for (const Volume& each : table_.volumes) last = std::max(last, each.number);
        for (Inner& each : found_) {
            each.volume.number = ++last;
            table_.volumes.push_back(std::move(each.volume));
        }
    }

    BlockSource& source_;
    VolumeTable& table_;
    const std::stop_token stop_;
    std::vector<Inner> found_;
};

} // namespace

void add_inner_volumes(BlockSource& source, const VolumeOptions&, VolumeTable& table, std::stop_token stop) {
    Search(source, table, std::move(stop)).run();
}

} // namespace kanshiki::volume
