#include "analyze/filesystem/btrfs/log_replay.h"

#include "analyze/filesystem/btrfs/replayed_subvolume.h"
#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki::btrfs {
namespace {

constexpr size_t most_bytes = size_t{64} << 20;

std::vector<LogItem> read_log(TreeReader& trees, const Tree& log) {
    std::vector<LogItem> items;
    size_t bytes = 0;
    trees.scan(log, {}, {last_offset, 255, last_offset}, [&](const Item& item) {
        bytes += sizeof(LogItem) + item.data.size();
        if (bytes > most_bytes) throw Error(ExitCode::never_valid, "a log of more than 64 MiB");
        items.push_back({item.key, {item.data.begin(), item.data.end()}});
        return true;
    });
    return items;
}

// The log has the checksums of the data that it names.
void add_checksums(TreeReader& trees, const Tree& base, const std::vector<LogItem>& items, Overlay& overlay) {
    for (const LogItem& item : items) {
        if (item.key.type != type::extent_csum) continue;
        std::vector<std::byte> bytes = item.bytes;
        const auto known = overlay.find(item.key);
        const auto stored = trees.find(base, item.key);
        const auto longer = known != overlay.end() ? std::span<const std::byte>(*known->second)
                            : stored               ? stored->data
                                                   : std::span<const std::byte>{};
        if (longer.size() > bytes.size()) {
            const auto rest = longer.subspan(bytes.size());
            bytes.insert(bytes.end(), rest.begin(), rest.end());
        }
        overlay[item.key] = std::move(bytes);
    }
}

} // namespace

void replay_log(const Superblock& super, TreeReader& trees, Commits& commits, std::vector<std::string>& notices) {
    if (super.log_root.node == 0) return;
    const auto checksums = std::make_shared<Overlay>();
    const auto replay = [&](uint64_t number, const Tree& log) {
        const Subvolume subvolume = commits.subvolume(0, number);
        const std::vector<LogItem> items = read_log(trees, log);
        ReplayedSubvolume replayed(trees, subvolume.tree, super.sector_size);
        replayed.run(items);
        if (const Tree* base = commits.checksums(0)) add_checksums(trees, *base, items, *checksums);
        commits.overlay(number, replayed.overlay());
        notices.push_back("the log of the last fsyncs in subvolume " + std::to_string(number) +
                          " was not replayed on disk; its " + std::to_string(items.size()) +
                          " items are shown as if it were");
    };
    const auto guarded = [&](const std::string& what, const auto& action) {
        try {
            action();
        } catch (const Error& error) {
            if (error.code() != ExitCode::never_valid) throw;
            notices.push_back(what + " cannot be replayed, so the last fsynced changes are not shown: " + error.what());
        }
    };
    guarded("the log", [&] {
        trees.scan({id::tree_log, super.log_root, false}, {id::tree_log, type::root_item, 0},
                   {id::tree_log, type::root_item, last_offset}, [&](const Item& item) {
                       guarded("the log of subvolume " + std::to_string(item.key.offset), [&] {
                           replay(item.key.offset, {id::tree_log, parse_root(item.data).root, false});
                       });
                       return true;
                   });
    });
    if (!checksums->empty()) commits.overlay(id::csum_tree, checksums);
}

} // namespace kanshiki::btrfs
