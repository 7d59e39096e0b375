#pragma once
// Memory that O_DIRECT accepts: aligned to 4096, so to every sector size in use.

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <span>

namespace kanshiki {

class AlignedBuffer {
public:
    static constexpr size_t alignment = 4096;
    AlignedBuffer() = default;
    explicit AlignedBuffer(size_t size)
        : bytes_(
              static_cast<std::byte*>(std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment))),
          size_(size) {
        if (!bytes_) throw std::bad_alloc();
    }
    std::byte* data() { return bytes_.get(); }
    const std::byte* data() const { return bytes_.get(); }
    size_t size() const { return size_; }
    std::span<std::byte> span() { return {bytes_.get(), size_}; }

private:
    struct Free {
        void operator()(std::byte* bytes) const { std::free(bytes); }
    };
    std::unique_ptr<std::byte, Free> bytes_;
    size_t size_ = 0;
};

} // namespace kanshiki
