#include "analyze/filesystem/xfs/log_replay.h"

#include "analyze/filesystem/xfs/log_items.h"
#include "kanshiki/error.h"

#include <map>
#include <mutex>
#include <tuple>

namespace kanshiki::xfs {
namespace {

constexpr uint32_t little_endian_format = 1;

// Two passes, as the kernel does: what is cancelled must be known before anything is applied.
void replay(Log& log, VolumeReader& reader, const Superblock& super, Replayed& result) {
    LogItems items(reader, super, result.overlay);
    std::string torn;
    const auto pass = [&](auto each) {
        Transactions transactions;
        log.records(
            [&](const LogRecord& record) {
                if (record.format != little_endian_format) damaged("log: written by a big-endian machine");
                transactions.add(record, each);
            },
            torn);
    };
    pass([&](Transaction& transaction) { items.note_cancelled(transaction); });
    pass([&](Transaction& transaction) { items.apply(transaction); });
    result.notices.push_back("the file system was not unmounted: its log was replayed in memory (" +
                             std::to_string(items.applied()) +
                             " changes), so it is shown as a mount would show it; the volume itself is older");
    if (!torn.empty()) result.notices.push_back("the log was replayed only so far: " + torn + "; what follows is lost");
    if (items.unfinished() != 0)
        result.notices.push_back(
            std::to_string(items.unfinished()) +
            " operations were begun and not finished; a mount would finish them, here they are not");
}

std::shared_ptr<const Replayed> make(BlockSource& source, Range volume, const Superblock& super, std::stop_token stop) {
    auto result = std::make_shared<Replayed>();
    VolumeReader reader(source, volume, std::move(stop));
    Log log(reader, super);
    std::string why;
    try {
        switch (log.find_ends(why)) {
        case LogState::clean:
            break;
        case LogState::external:
            result->notices.emplace_back("its log lies on another device: the last changes may be missing");
            break;
        case LogState::damaged:
            result->notices.push_back("its log cannot be read (" + why + "): the last changes may be missing");
            break;
        case LogState::dirty:
            replay(log, reader, super, *result);
        }
    } catch (const Error& error) {
        if (error.code() != ExitCode::never_valid) throw;
        result->overlay = {}; // half a log is worse than none: what is on the disk is at least of one time each
        result->notices = {std::string("the file system was not unmounted, and its log could not be replayed (") +
                           error.what() + "): what is shown may be older, and contradict itself"};
    }
    if (!reader.take_unreadable().empty())
        result->notices.emplace_back("parts of its log could not be read: the last changes may be missing");
    return result;
}

} // namespace

std::shared_ptr<const Replayed> replay_log(BlockSource& source, Range volume, const Superblock& super,
                                           std::stop_token stop) {
    static std::mutex mutex;
    static std::map<std::tuple<BlockSource*, uint64_t, uint64_t>, std::weak_ptr<const Replayed>> known;
    const std::lock_guard lock(mutex); // while one replays, the others wait for it
    std::erase_if(known, [](const auto& each) { return each.second.expired(); });
    auto& slot = known[{&source, volume.offset, volume.size}];
    if (auto shared = slot.lock()) return shared;
    auto made = make(source, volume, super, std::move(stop));
    slot = made;
    return made;
}

} // namespace kanshiki::xfs
