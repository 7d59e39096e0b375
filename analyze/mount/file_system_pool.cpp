#include "analyze/mount/file_system_pool.h"

#include "kanshiki/error.h"

namespace kanshiki {

FileSystemPool::Lease FileSystemPool::take() {
    std::unique_ptr<FileSystem> files;
    {
        const std::lock_guard lock(mutex_);
        if (!free_.empty()) {
            files = std::move(free_.back());
            free_.pop_back();
        }
    }
    if (!files) files = open_volume(source_, volume_, stop_);
    if (!files) throw Error(ExitCode::source_lost, "the source has changed: a file system can no longer be opened");
    files->take_unreadable(); // of the one who had it before: told then
    return {*this, std::move(files)};
}

void FileSystemPool::give_back(std::unique_ptr<FileSystem> files) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(files));
}

} // namespace kanshiki
