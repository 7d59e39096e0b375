#pragma once
// The file an image grows in: IMAGE.partial, until publish() gives it its own name.

#include "acquire/block/file_descriptor.h"
#include "acquire/evidence/direct_writer.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace kanshiki {

class PartialFile {
public:
    enum class Mode { create, resume };
    PartialFile(const std::filesystem::path& image, Mode mode); // Error{destination}
    PartialFile(const std::filesystem::path& image, const std::filesystem::path& partial, Mode mode);

    // One thread writes and resizes; sync() may be another's. All throw Error{destination}.
    void write(uint64_t offset, std::span<const std::byte> bytes); // all of it; in the file after the next sync()
    void resize(uint64_t size);
    void sync();    // all that was written is in the file, and durable
    void publish(); // read-only for all but root, renamed, the folder synced

    const std::filesystem::path& image() const { return image_; }

private:
    void flush();
    [[noreturn]] void fail(const char* what) const;
    std::filesystem::path image_, partial_;
    FileDescriptor fd_;
    std::unique_ptr<DirectWriter> direct_; // null: through the page cache
    uint64_t started_ = 0;                 // write-back was begun up to here
};

} // namespace kanshiki
