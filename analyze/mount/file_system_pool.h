#pragma once
// File systems of one volume for several threads: each takes one, and gives it back.

#include "kanshiki/file_system.h"
#include "kanshiki/volume.h"

#include <mutex>

namespace kanshiki {

class FileSystemPool {
public:
    FileSystemPool(BlockSource& source, const Volume& volume, std::stop_token stop)
        : source_(source), volume_(volume), stop_(std::move(stop)) {}

    class Lease {
    public:
        Lease(FileSystemPool& pool, std::unique_ptr<FileSystem> files) : pool_(pool), files_(std::move(files)) {}
        ~Lease() { pool_.give_back(std::move(files_)); }
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;
        FileSystem& operator*() const { return *files_; }
        FileSystem* operator->() const { return files_.get(); }

    private:
        FileSystemPool& pool_;
        std::unique_ptr<FileSystem> files_;
    };

    Lease take(); // opens one more where all are taken: as many as there are threads at most

private:
    void give_back(std::unique_ptr<FileSystem> files);

    BlockSource& source_;
    const Volume volume_;
    std::stop_token stop_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<FileSystem>> free_;
};

} // namespace kanshiki
