#include "kanshiki/file_system.h"
#include "kanshiki/volume.h"

namespace kanshiki {

namespace xfs {
std::unique_ptr<FileSystem> open_xfs(BlockSource& source, Range range, std::stop_token stop);
}
namespace tsk {
std::unique_ptr<FileSystem> open_tsk(BlockSource& source, Range range, std::stop_token stop);
}

std::unique_ptr<FileSystem> open_file_system(BlockSource& source, Range range, std::stop_token stop) {
    static constexpr decltype(&tsk::open_tsk) readers[] = {xfs::open_xfs, tsk::open_tsk};
    for (const auto& open : readers)
        if (auto found = open(source, range, stop)) return found;
    return nullptr;
}

std::unique_ptr<FileSystem> open_volume(BlockSource& source, const Volume& volume, std::stop_token stop) {
    return open_file_system(volume.in(source), volume.range, std::move(stop));
}

} // namespace kanshiki
