#include "analyze/filesystem/tsk/tsk_file_system.h"

#include "kanshiki/error.h"

#include <cstdlib>
#include <ctime>
#include <mutex>

namespace kanshiki::tsk {
namespace {

// One after the other, most likely first. libtsk's own detection gives up when two match: planting a second boot sector
// would hide a whole volume from it.
constexpr TSK_FS_TYPE_ENUM types[] = {TSK_FS_TYPE_NTFS_DETECT, TSK_FS_TYPE_FAT_DETECT, TSK_FS_TYPE_HFS_DETECT,
                                      TSK_FS_TYPE_FFS_DETECT, TSK_FS_TYPE_ISO9660_DETECT};

// FAT keeps local time without its zone and libtsk asks mktime for it: without this the result would depend on who runs
// it.
void use_utc() {
    static std::once_flag once;
    std::call_once(once, [] {
        setenv("TZ", "UTC", 1);
        tzset();
    });
}

} // namespace

std::unique_ptr<FileSystem> open_tsk(BlockSource& source, Range range, std::stop_token stop) {
    use_utc();
    auto image = std::make_unique<Image>(source, range, stop);
    if (image->reader.size() < 4096) return nullptr;
    for (const TSK_FS_TYPE_ENUM type : types) {
        TSK_FS_INFO* fs = tsk_fs_open_img(&image->info, 0, type);
        if (fs == nullptr) {
            tsk_error_reset();
            image->rethrow();
            continue;
        }
        return std::make_unique<TskFileSystem>(std::move(image), fs);
    }
    return nullptr;
}

} // namespace kanshiki::tsk
