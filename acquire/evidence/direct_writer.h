#pragma once
// Writes past the page cache. An image is written once and not read again soon: to copy it into the cache costs more
// processor than all else in the sink (docs/performance.md), and pushes out what the host wants there.

#include "acquire/block/aligned_buffer.h"
#include "acquire/block/file_descriptor.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>

namespace kanshiki {

// Over a file that is open by `plain` too, which must live as long. O_DIRECT wants whole blocks: what does not fill one
// waits in a buffer until more follows, or until flush() writes it by way of the cache. Any thread.
class DirectWriter {
public:
    // Null where the file system has no O_DIRECT of its own, or one that is not known to be quick.
    static std::unique_ptr<DirectWriter> open(const std::filesystem::path& file, int plain);

    // 0 or an errno.
    int write(uint64_t offset, std::span<const std::byte> bytes);
    int flush();   // all that waits is in the file then, though not durable
    void forget(); // after flush(), when the file was cut: what shares a block is read again

private:
    DirectWriter(FileDescriptor direct, int plain) : direct_(std::move(direct)), plain_(plain) {}
    int begin(uint64_t offset);
    int put_blocks(); // the whole blocks that wait
    int flush_locked();

    std::mutex mutex_;
    const FileDescriptor direct_;
    const int plain_;
    AlignedBuffer buffer_{1024 * 1024};
    uint64_t start_ = 0; // in the file, of the buffer: a multiple of the block
    size_t size_ = 0;    // bytes in the buffer
    size_t clean_ = 0;   // of these, at the front, are in the file already
};

} // namespace kanshiki
