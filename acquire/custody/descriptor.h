#pragma once
// A file descriptor that closes itself, and the few calls custody makes on one; each failure is one line with the path.

#include "kanshiki/error.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace kanshiki {

class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
    Descriptor& operator=(Descriptor&& other) noexcept;
    ~Descriptor();
    int get() const { return fd_; }
    int release();

private:
    int fd_ = -1;
};

std::string errno_text(int error);

// "cannot WHAT PATH: why", thrown with `code`.
[[noreturn]] void throw_errno(ExitCode code, const char* what, const std::filesystem::path& path, int error);

// Opens a regular file to read; anything else (a folder, a FIFO that would hang) is an error of `code`.
Descriptor open_regular(const std::filesystem::path& path, ExitCode code);
uint64_t regular_size(int fd, const std::filesystem::path& path, ExitCode code);
// A new file of mode 0600 in the place of whatever has this name.
Descriptor create_anew(const std::filesystem::path& path);
// All of it at `offset`, or Error{destination}.
void write_all(int fd, const std::filesystem::path& path, std::span<const std::byte> bytes, uint64_t offset);
// As many bytes as there are, up to into.size().
size_t read_at(int fd, const std::filesystem::path& path, std::span<std::byte> into, uint64_t offset, ExitCode code);
void sync_folder_of(const std::filesystem::path& path); // Error{destination}

} // namespace kanshiki
