// Opening: superblock, chunks, the tree of trees, and what of the file system is not read.

#include "analyze/filesystem/btrfs/btrfs_file_system.h"
#include "analyze/filesystem/btrfs/log_replay.h"
#include "analyze/filesystem/uuid.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <exception>

namespace kanshiki::btrfs {
namespace {

std::string hex(uint64_t bits) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "0x%llx", static_cast<unsigned long long>(bits));
    return buffer;
}

} // namespace

BtrfsFileSystem::BtrfsFileSystem(std::unique_ptr<VolumeReader> reader, const Superblock& super,
                                 std::vector<std::string> notices)
    : reader_(std::move(reader)), super_(super), chunks_(super.device), nodes_(*reader_, super_, chunks_, warnings_),
      trees_(nodes_), data_(*reader_, super_, chunks_, trees_, warnings_), commits_(super_, trees_),
      content_(super_, chunks_, trees_, data_, warnings_) {
    info_.type = "btrfs";
    info_.label = super.label;
    info_.uuid = super.uuid;
    info_.block_size = super.sector_size;
    info_.range = {reader_->volume().offset, std::min(reader_->size(), super.device_bytes)};
    info_.notices = std::move(notices);
    note_features();
    read_chunks();
    find_root();
    if (commits_.current() == 0) replay_log(super_, trees_, commits_, info_.notices);
}

void BtrfsFileSystem::note_features() {
    auto& notices = info_.notices;
    constexpr uint64_t known = 0x1ffff & ~uint64_t{1 << 15}; // BTRFS_FEATURE_INCOMPAT_…, 0 to 14 and 16
    if (const uint64_t rest = super_.incompatible & ~known; rest != 0)
        notices.push_back("features that are not known (incompat " + hex(rest) + "): what can be read is read");
    if (super_.incompatible & incompatible::zoned)
        notices.push_back("a zoned file system: what only a zoned device knows of it is not read");
    if (super_.incompatible & incompatible::extent_tree_v2)
        notices.push_back("extent tree v2 is not supported: what can be read is read");
    if (super_.incompatible & incompatible::raid_stripe_tree)
        notices.push_back(
            "a RAID stripe tree is not supported: data with more than one copy may be looked for in the wrong place");
    if (super_.device_bytes > reader_->size())
        notices.push_back("the device is to have " + std::to_string(super_.device_bytes) + " bytes and has " +
                          std::to_string(reader_->size()));
    if (super_.device_count > 1)
        notices.push_back("one of " + std::to_string(super_.device_count) + " devices, number " +
                          std::to_string(super_.device) + ": what lies only on the others is not read");
}

void BtrfsFileSystem::read_chunks() {
    chunks_.add_array(super_.chunk_array);
    const Tree tree{id::chunk_tree, super_.chunk_root, false};
    const auto guarded = [&](const auto& action) {
        try {
            action();
        } catch (const Error& error) {
            if (error.code() != ExitCode::never_valid) throw;
            info_.notices.push_back(std::string("a part of the chunk tree is not read: ") + error.what());
        }
    };
    const auto device = [&](const Item& item) {
        if (item.data.size() < 98 || item.key.offset == super_.device) return;
        info_.notices.push_back("device " + std::to_string(item.key.offset) + " (" +
                                uuid_text(item.data.subspan(66, 16)) + ") is not here");
    };
    guarded([&] {
        trees_.scan(tree, {}, {last_offset, 255, last_offset}, [&](const Item& item) {
            if (item.key.objectid == id::dev_items && item.key.type == type::dev_item) device(item);
            if (item.key.type == type::chunk_item) guarded([&] { chunks_.add(item.key, item.data); });
            return true;
        });
    });
}

// The top-level subvolume; of the newest older commit when the last one's tree of trees cannot be read.
void BtrfsFileSystem::find_root() {
    std::exception_ptr failure;
    std::string why;
    std::vector<uint8_t> order{0};
    for (unsigned commit = 1; commit <= super_.backups.size(); commit++)
        if (super_.backups[commit - 1].tree_root.node != 0) order.push_back(static_cast<uint8_t>(commit));
    std::ranges::sort(order.begin() + 1, order.end(), std::greater{},
                      [&](uint8_t commit) { return super_.backups[commit - 1].tree_root.generation; });
    for (const uint8_t commit : order) {
        commits_.fall_back(commit);
        try {
            const Subvolume top = commits_.subvolume(0, id::fs_tree);
            const auto packed = pack({0, id::fs_tree, top.directory});
            if (!packed) throw Error(ExitCode::never_valid, "btrfs: the top-level subvolume has no root directory");
            trees_.root(top.tree);
            root_ = *packed;
            if (failure)
                info_.notices.push_back(why + "; the state of generation " +
                                        std::to_string(commits_.root_tree(0).root.generation) +
                                        " is shown instead of " + std::to_string(super_.generation));
            return;
        } catch (const Error& error) {
            if (error.code() != ExitCode::never_valid) throw;
            if (failure) continue;
            failure = std::current_exception();
            why = error.what();
        }
    }
    std::rethrow_exception(failure);
}

namespace {

std::unique_ptr<FileSystem> open(BlockSource& source, Range range, std::stop_token stop, bool by_mirror) {
    auto reader = std::make_unique<VolumeReader>(source, range, std::move(stop));
    std::vector<std::string> notices;
    const auto super = find_superblock(*reader, by_mirror, notices);
    if (!super) return nullptr;
    return std::make_unique<BtrfsFileSystem>(std::move(reader), *super, std::move(notices));
}

} // namespace

std::unique_ptr<FileSystem> open_btrfs(BlockSource& source, Range range, std::stop_token stop) {
    return open(source, range, std::move(stop), false);
}

std::unique_ptr<FileSystem> open_btrfs_by_mirror(BlockSource& source, Range range, std::stop_token stop) {
    return open(source, range, std::move(stop), true);
}

} // namespace kanshiki::btrfs
