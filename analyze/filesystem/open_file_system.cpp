#include "kanshiki/file_system.h"
#include "kanshiki/volume.h"

namespace kanshiki {

namespace ext {
std::unique_ptr<FileSystem> open_ext(BlockSource& source, Range range, std::stop_token stop);
std::unique_ptr<FileSystem> open_ext_by_backup(BlockSource& source, Range range, std::stop_token stop);
} // namespace ext
namespace xfs {
std::unique_ptr<FileSystem> open_xfs(BlockSource& source, Range range, std::stop_token stop);
}
namespace btrfs {
std::unique_ptr<FileSystem> open_btrfs(BlockSource& source, Range range, std::stop_token stop);
std::unique_ptr<FileSystem> open_btrfs_by_mirror(BlockSource& source, Range range, std::stop_token stop);
} // namespace btrfs
namespace tsk {
std::unique_ptr<FileSystem> open_tsk(BlockSource& source, Range range, std::stop_token stop);
}

std::unique_ptr<FileSystem> open_file_system(BlockSource& source, Range range, std::stop_token stop) {
    static constexpr decltype(&tsk::open_tsk) readers[] = {
        ext::open_ext,          xfs::open_xfs, btrfs::open_btrfs, tsk::open_tsk, btrfs::open_btrfs_by_mirror,
        ext::open_ext_by_backup};
    for (const auto& open : readers)
        if (auto found = open(source, range, stop)) return found;
    return nullptr;
}

std::unique_ptr<FileSystem> open_volume(BlockSource& source, const Volume& volume, std::stop_token stop) {
    auto files = open_file_system(volume.in(source), volume.range, std::move(stop));
    if (files && volume.content) files->tell_places([volume](const Range& range) { return place_text(volume, range); });
    return files;
}

std::string FileSystem::place(const Range& range) const { return place_ ? place_(range) : place_text(Volume{}, range); }

} // namespace kanshiki
