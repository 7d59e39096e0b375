#pragma once
// The file an image grows in: IMAGE.partial, until publish() gives it its own name.

#include "acquire/block/file_descriptor.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace kanshiki {

class PartialFile {
public:
    enum class Mode { create, resume };
    PartialFile(const std::filesystem::path& image, Mode mode); // Error{destination}

    void write(uint64_t offset, std::span<const std::byte> bytes); // all of it, or Error{destination}
    void resize(uint64_t size);
    void sync();    // fdatasync
    void publish(); // read-only for all but root, renamed, the folder synced

    const std::filesystem::path& image() const { return image_; }

private:
    [[noreturn]] void fail(const char* what) const;
    std::filesystem::path image_, partial_;
    FileDescriptor fd_;
    uint64_t started_ = 0; // write-back was begun up to here
};

} // namespace kanshiki
