#include "kanshiki/file_system.h"

namespace kanshiki {

namespace tsk {
std::unique_ptr<FileSystem> open_tsk(BlockSource& source, Range range, std::stop_token stop);
}

std::unique_ptr<FileSystem> open_file_system(BlockSource& source, Range range, std::stop_token stop) {
    static constexpr decltype(&tsk::open_tsk) readers[] = {tsk::open_tsk};
    for (const auto& open : readers)
        if (auto found = open(source, range, stop)) return found;
    return nullptr;
}

} // namespace kanshiki
