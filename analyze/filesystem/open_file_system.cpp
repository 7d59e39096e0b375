#include "kanshiki/file_system.h"
#include "kanshiki/volume.h"

namespace kanshiki {

namespace ext {
std::unique_ptr<FileSystem> open_ext(BlockSource& source, Range range, std::stop_token stop);
std::unique_ptr<FileSystem> open_ext_by_backup(BlockSource& source, Range range, std::stop_token stop);
} // namespace ext
namespace tsk {
std::unique_ptr<FileSystem> open_tsk(BlockSource& source, Range range, std::stop_token stop);
}

std::unique_ptr<FileSystem> open_file_system(BlockSource& source, Range range, std::stop_token stop) {
    static constexpr decltype(&tsk::open_tsk) readers[] = {ext::open_ext, tsk::open_tsk, ext::open_ext_by_backup};
    for (const auto& open : readers)
        if (auto found = open(source, range, stop)) return found;
    return nullptr;
}

std::unique_ptr<FileSystem> open_volume(BlockSource& source, const Volume& volume, std::stop_token stop) {
    return open_file_system(volume.in(source), volume.range, std::move(stop));
}

} // namespace kanshiki
