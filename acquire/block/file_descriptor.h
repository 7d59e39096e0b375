#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <sys/types.h>
#include <utility>

namespace kanshiki {

// Owns an open file.
class FileDescriptor {
public:
    explicit FileDescriptor(int fd = -1) : fd_(fd) {}
    ~FileDescriptor();
    FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); } // the caller closes it
    explicit operator bool() const { return fd_ >= 0; }

private:
    int fd_;
};

// Fills `into` from `offset`; less only at the end of the file. -1 and errno on an error, whatever was read before it.
ssize_t read_at(int fd, uint64_t offset, std::span<std::byte> into);

} // namespace kanshiki
