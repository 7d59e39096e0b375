#include "acquire/acquisition/read_back.h"

#include "acquire/block/file_descriptor.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kanshiki {
namespace {

// Drops a file's clean pages; how many bytes of it are cached still (a memory file system keeps all).
uint64_t drop_from_cache(const std::filesystem::path& path) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0 || status.st_size == 0) return 0;
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
    const uint64_t size = static_cast<uint64_t>(status.st_size), page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    constexpr uint64_t window = uint64_t{1} << 30; // bounds the table of pages
    uint64_t cached = 0;
    for (uint64_t at = 0; at < size; at += window) {
        const size_t length = std::min(window, size - at);
        void* const mapped = ::mmap(nullptr, length, PROT_READ, MAP_SHARED, file.get(), static_cast<off_t>(at));
        if (mapped == MAP_FAILED) return cached;
        std::vector<unsigned char> resident((length + page - 1) / page);
        if (::mincore(mapped, length, resident.data()) == 0)
            for (const unsigned char one : resident) cached += (one & 1) * page;
        ::munmap(mapped, length);
    }
    return cached;
}

} // namespace

void read_back(const Output& output, PipelineOptions options, const Digest& root, Events& events,
               std::stop_token stop) {
    const std::filesystem::path partial = partial_path(output.paths.image);
    uint64_t cached = 0;
    for (const std::filesystem::path& file : partial_files(output.paths.image)) cached += drop_from_cache(file);
    options.digests.clear(); // the leaves and their root say all
    Pipeline pipeline(options, events);
    const auto written = output.format.open(partial);
    pipeline.run(*written, {}, {}, nullptr, nullptr, stop);
    if (pipeline.finish().root != root)
        throw Error(ExitCode::destination,
                    partial.string() +
                        ": read back, it is not what was written: the medium is failing; acquire to another");
    events.report(
        {"detail",
         "read back and equal",
         {{"image", output.paths.image.filename().string()}, {"bytes_still_cached", std::to_string(cached)}}});
}

} // namespace kanshiki
