#pragma once
// The few calls custody makes on files; each failure is one line with the path.

#include "acquire/block/file_descriptor.h"
#include "kanshiki/error.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace kanshiki {

std::string errno_text(int error);

// "cannot WHAT PATH: why", thrown with `code`.
[[noreturn]] void throw_errno(ExitCode code, const char* what, const std::filesystem::path& path, int error);

bool present(const std::filesystem::path& path); // anything of that name, also a link that leads nowhere

// Opens a regular file to read; anything else (a folder, a FIFO that would hang) is an error of `code`.
FileDescriptor open_to_read(const std::filesystem::path& path, ExitCode code);
uint64_t regular_size(int fd, const std::filesystem::path& path, ExitCode code);
// A new file of mode 0600 in the place of whatever has this name.
FileDescriptor create_anew(const std::filesystem::path& path);
// All of it at `offset`, or Error{destination}.
void write_all(int fd, const std::filesystem::path& path, std::span<const std::byte> bytes, uint64_t offset);
// As many bytes as there are, up to into.size().
size_t read_upto(int fd, const std::filesystem::path& path, std::span<std::byte> into, uint64_t offset, ExitCode code);
// Room for a file to grow into, so that a disk filled by the image cannot stop its companions; where the file system
// cannot do that, nothing. Error{destination} when there is no room. release_space gives back what was not used.
void reserve_space(int fd, const std::filesystem::path& path, uint64_t size);
void release_space(int fd, uint64_t used);
void sync_folder_of(const std::filesystem::path& path); // Error{destination}

} // namespace kanshiki
