// MBR and GPT, our own readers only: libtsk's are not ours to harden, and run confined.

#include "analyze/volume/partition.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

using namespace kanshiki;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2) return 0;
    const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
    volume::Disk disk;
    disk.sector = data[0] % 2 == 0 ? 512 : 4096;
    disk.size = bytes.size();
    disk.read = [&](uint64_t offset, std::span<std::byte> into) {
        if (offset > bytes.size() || into.size() > bytes.size() - offset) std::abort(); // the reader must have checked
        std::memcpy(into.data(), bytes.data() + offset, into.size());
    };
    if (const auto mbr = volume::read_mbr(disk); mbr && mbr->table.partitions.size() > 4 + 256) std::abort();
    if (const auto gpt = volume::read_gpt(disk); gpt && gpt->partitions.size() > 1024 * 1024 / 128) std::abort();
    return 0;
}
