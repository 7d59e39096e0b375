#include "analyze/volume/inner_volumes.h"

#include "analyze/volume/luks/header.h"
#include "analyze/volume/luks/open_luks.h"
#include "analyze/volume/lvm/assemble.h"
#include "analyze/volume/read_partitions.h"
#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki::volume {
namespace {

constexpr unsigned deepest = 4;         // volumes inside each other
constexpr size_t most_volumes = 10'000; // found inside others
constexpr size_t most_physical = 256;   // at one depth
constexpr unsigned most_encrypted = 16; // each may take a minute to open

// plain: found without a key. Numbers are given to those first, so that a key changes no number.
struct Inner {
    Volume volume;
    bool plain = true;
};

class Search {
public:
    Search(BlockSource& source, const VolumeOptions& options, VolumeTable& table, std::stop_token stop)
        : source_(source), options_(options), table_(table), stop_(std::move(stop)) {}

    void run() {
        std::vector<Inner> level;
        for (const Volume& each : table_.volumes)
            if (each.allocated) level.push_back({each, true});
        for (unsigned depth = 0; !level.empty(); depth++) {
            std::vector<Inner> below;
            if (depth < deepest)
                below = look_into(level);
            else
                say_too_deep(level);
            keep(std::move(level), depth);
            level = std::move(below);
        }
        number();
        check_keys();
    }

private:
    // What is in the volumes of one depth. A LUKS volume's content is of the same depth: physical volumes of one group
    // may be encrypted and not.
    std::vector<Inner> look_into(std::vector<Inner>& level) {
        std::vector<Inner> below;
        std::vector<lvm::Found> physical;
        std::vector<size_t> owners; // of each physical volume: its place in level
        for (size_t index = 0; index < level.size(); index++) {
            if (level[index].volume.range.size == 0 || !level[index].volume.holds.empty()) continue;
            open_encrypted(level, index); // may move what is in level
            Volume& volume = level[index].volume;
            if (volume.content) add_partitions(level[index], below);
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

    void say_too_deep(const std::vector<Inner>& level) {
        for (const Inner& each : level) {
            const Disk disk = disk_of(each.volume.in(source_), each.volume.range, stop_);
            if (lvm::read_physical_volume(disk) || luks::read_header(disk))
                table_.notices.push_back(text_of(each.volume) +
                                         ": volumes inside each other deeper than 4; not looked into");
        }
    }

    void open_encrypted(std::vector<Inner>& level, size_t index) {
        if (encrypted_ == most_encrypted) return;
        Volume& volume = level[index].volume;
        const auto luks = luks::open_luks(source_, volume, options_.keys, stop_);
        if (!luks) return;
        if (++encrypted_ == most_encrypted)
            table_.notices.push_back("more than 16 LUKS volumes; the rest is not looked into");
        volume.holds = luks->holds;
        volume.opened = luks->content != nullptr;
        opened_ |= volume.opened;
        if (luks->refused && refused_.empty()) refused_ = text_of(volume) + " (" + volume.holds + ")";
        for (const std::string& fault : luks->faults) table_.notices.push_back(text_of(volume) + ", LUKS: " + fault);
        if (!volume.opened) return;
        Inner inner{{}, false};
        inner.volume.content = luks->content;
        inner.volume.range = {0, luks->content->info().size.value_or(0)};
        inner.volume.name = "luks-" + luks->uuid;
        inner.volume.description = "opened LUKS volume, in " + text_of(volume);
        level.push_back(std::move(inner));
    }

    static std::string text_of(const Volume& volume) {
        return volume.name.empty() ? "volume " + std::to_string(volume.number) : volume.name;
    }

    // A key that opens nothing must not pass as one that was not needed.
    void check_keys() const {
        if (options_.keys.empty() || opened_) return;
        if (!refused_.empty())
            throw Error(ExitCode::refused, refused_ + "; every byte counts, a newline at the end too");
        throw Error(ExitCode::refused, encrypted_ == 0 ? "there is no encrypted volume that a key could open"
                                                       : "no encrypted volume could be opened; kanshiki info without "
                                                         "--key-file says why");
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
            if (depth == 0 && each.plain) {
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
    const VolumeOptions& options_;
    VolumeTable& table_;
    const std::stop_token stop_;
    std::vector<Inner> found_;
    unsigned encrypted_ = 0;
    bool opened_ = false;
    std::string refused_; // the first volume that no key opens
};

} // namespace

void add_inner_volumes(BlockSource& source, const VolumeOptions& options, VolumeTable& table, std::stop_token stop) {
    Search(source, options, table, std::move(stop)).run();
}

} // namespace kanshiki::volume
