// The journal in use: replayed when the file system is opened, searched when somebody asks for deleted files.

#include "analyze/filesystem/ext/content_map.h"
#include "analyze/filesystem/ext/ext_file_system.h"

#include <algorithm>

namespace kanshiki::ext {

const ExtFileSystem::Journal& ExtFileSystem::journal() {
    if (journal_) return *journal_;
    const Superblock& super = disk_.super();
    if (super.journal_inode == 0) throw Error(ExitCode::never_valid, "there is no journal on this volume");
    const File file = open(super.journal_inode);
    Journal found;
    found.log = LogBlocks(map_content(disk_, file.number, file.inode));
    const auto first = found.log.physical(0);
    if (!first) throw Error(ExitCode::never_valid, "the journal has no superblock");
    found.super = parse_journal_superblock(disk_.block(*first), super.block_size, found.log.count());
    return journal_.emplace(std::move(found));
}

// Past the overlay: the journal does not hold its own blocks.
std::span<const std::byte> ExtFileSystem::log_block(uint64_t index) {
    const uint64_t size = disk_.super().block_size;
    const auto at = journal().log.physical(index);
    if (!at) throw Error(ExitCode::never_valid, "the journal has no block " + std::to_string(index));
    return disk_.reader().view(*at * size, static_cast<size_t>(size));
}

// "The Journal": what a mount would write back is looked at instead of what lies there.
void ExtFileSystem::replay() {
    const Superblock& super = disk_.super();
    if (!super.has(incompatible::recover)) return;
    const auto notice = [&](const std::string& text) { info_.notices.push_back(text); };
    if (super.journal_inode == 0)
        return notice("it was not unmounted cleanly, and its journal is on another device: not replayed");
    try {
        const std::lock_guard lock(shared_->mutex);
        if (!shared_->overlay) {
            const Journal& found = journal();
            shared_->overlay = std::make_shared<Overlay>(
                replay_journal(found.super, found.log, [&](uint64_t index) { return log_block(index); }));
        }
        if (shared_->overlay->super.checksum_wrong) notice("the journal's superblock has a wrong checksum");
        for (const std::string& each : shared_->overlay->notices) notice(each);
        notice("it was not unmounted cleanly: read as its journal leaves it, " +
               std::to_string(shared_->overlay->blocks.size()) + " blocks are newer there");
        disk_.replay(shared_->overlay);
    } catch (const Error& error) {
        if (error.code() != ExitCode::never_valid) throw;
        notice("it was not unmounted cleanly, and its journal cannot be replayed: " + std::string(error.what()));
    }
}

const Recovered& ExtFileSystem::recovered() {
    const std::lock_guard lock(shared_->mutex);
    if (!shared_->recovered) {
        const Journal& found = journal();
        shared_->recovered = std::make_shared<Recovered>(disk_, found.super, found.log);
    }
    return *shared_->recovered;
}

const RecoveredFile& ExtFileSystem::recovered_file(uint64_t handle) {
    const RecoveredFile* found = recovered().find(handle);
    if (found == nullptr) fail(number_of(handle), "the journal holds no such copy of it");
    return *found;
}

std::span<const std::byte> ExtFileSystem::bytes_of(const File& file) {
    if (!is_copy(file.handle)) return disk_.inode_bytes(file.number);
    const Superblock& super = disk_.super();
    if (file.number == 0 || file.number > super.inodes) fail(file.number, "is beyond the last");
    const uint64_t offset = (file.number - 1) % super.inodes_per_group * super.inode_size % super.block_size;
    return log_block(log_index_of(file.handle)).subspan(static_cast<size_t>(offset), super.inode_size);
}

std::vector<BlockRun> ExtFileSystem::runs_of(const File& file) {
    if (!is_copy(file.handle)) return map_content(disk_, file.number, file.inode);
    const RecoveredFile& known = recovered_file(file.handle);
    return runs_as_of(
        disk_, recovered().history(), [&](uint64_t index) { return log_block(index); }, number_of(file.handle),
        file.inode, known.sequence);
}

std::vector<std::byte> ExtFileSystem::block_for(const File& file, uint64_t number) {
    std::vector<std::byte> bytes;
    if (is_copy(file.handle)) {
        const History& history = recovered().history();
        const LogCopy* copy = history.as_of(number, recovered_file(file.handle).sequence);
        if (copy != nullptr && history.read(
                                   *copy, [&](uint64_t index) { return log_block(index); }, bytes))
            return bytes;
    }
    const auto there = disk_.block(number);
    bytes.assign(there.begin(), there.end());
    return bytes;
}

// What the inode says now, as long as it is still this file's.
uint32_t ExtFileSystem::deletion_of(const File& copy) {
    const Inode now = parse_inode(disk_.inode_bytes(copy.number));
    return now.generation == copy.inode.generation && !disk_.inode_used(copy.number) ? now.deletion : 0;
}

} // namespace kanshiki::ext
