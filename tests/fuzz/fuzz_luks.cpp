// The clear part of a LUKS header. What libcryptsetup makes of it is not ours to harden, and runs confined.

#include "analyze/volume/luks/header.h"

#include <cstdlib>
#include <cstring>

using namespace kanshiki;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto bytes = std::as_bytes(std::span(data, size));
    volume::Disk disk;
    disk.size = bytes.size();
    disk.read = [&](uint64_t offset, std::span<std::byte> into) {
        if (offset > bytes.size() || into.size() > bytes.size() - offset) std::abort(); // the reader must have checked
        std::memcpy(into.data(), bytes.data() + offset, into.size());
    };
    const auto header = luks::read_header(disk);
    if (!header) return 0;
    if (luks::describe(*header).empty()) std::abort();
    if (header->unopenable.empty() && (header->sector_size < 512 || header->sector_size > 4096)) std::abort();
    return 0;
}
