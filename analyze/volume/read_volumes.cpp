#include "analyze/filesystem/cached_source.h"
#include "analyze/volume/inner_volumes.h"
#include "analyze/volume/luks/header.h"
#include "analyze/volume/lvm/physical_volume.h"
#include "analyze/volume/read_partitions.h"
#include "kanshiki/error.h"

namespace kanshiki {
namespace {

constexpr size_t most_notices = 100;

// What else begins at the start of a disk that has a table: a label in one of its free sectors.
void look_beside(BlockSource& source, VolumeTable& table, std::stop_token stop) {
    const volume::Disk disk = volume::disk_of(source, {0, *source.info().size}, std::move(stop));
    const char* const what = lvm::read_physical_volume(disk) ? "an LVM2 physical volume"
                             : luks::read_header(disk)       ? "a LUKS volume"
                                                             : nullptr;
    if (what != nullptr)
        table.notices.push_back(std::string(what) +
                                " also begins at the start of the disk; the partitions are read, not it");
}

} // namespace

VolumeTable read_volumes(BlockSource& source, std::stop_token stop) {
    return read_volumes(source, {}, std::move(stop));
}

VolumeTable read_volumes(BlockSource& source, const VolumeOptions& options, std::stop_token stop) {
    if (!source.info().size)
        throw Error(ExitCode::refused, source.info().uri + ": its size is not known; acquire it first");
    std::unique_ptr<BlockSource> cache;
    VolumeTable result = volume::read_partitions(shareable(source, cache), stop);
    if (result.scheme != "none") look_beside(source, result, stop);
    volume::add_inner_volumes(source, options, result, stop);
    if (result.notices.size() > most_notices) {
        const size_t more = result.notices.size() - most_notices;
        result.notices.resize(most_notices);
        result.notices.push_back("and " + std::to_string(more) + " more oddities of the volumes");
    }
    return result;
}

} // namespace kanshiki
