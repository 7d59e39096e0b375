#ifdef KANSHIKI_ISAL // x86-64 only

#include "acquire/evidence/isal_stream.h"

#include <cstddef>
#include <cstdint>
#include <new>
#include <sys/mman.h>

namespace kanshiki {
namespace {

constexpr size_t step = 64 * 1024;      // the lower bits do not matter
constexpr size_t searched = 8ULL << 30; // holds some 16 addresses of each slot
constexpr unsigned slots = 8 * 1024;    // of level 1's hash table
constexpr unsigned chosen_slot = 1;     // not 0, which is that of zeros
constexpr size_t needed = (sizeof(isal_zstream) + 4095) / 4096 * 4096;

std::byte* map(size_t size, int protection) {
    void* const at = mmap(nullptr, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return at == MAP_FAILED ? nullptr : static_cast<std::byte*>(at);
}

// Reserves, takes the first suitable place and gives the rest back.
std::byte* find_place() {
    std::byte* const from = map(searched, PROT_NONE);
    if (!from) return nullptr;
    std::byte* const end = from + searched;
    std::byte* at = from + (step - reinterpret_cast<uintptr_t>(from) % step) % step;
    while (at + needed <= end && IsalStream::slot(at) != chosen_slot) at += step;
    if (at + needed > end || mprotect(at, needed, PROT_READ | PROT_WRITE) != 0) {
        munmap(from, searched);
        return nullptr;
    }
    if (at != from) munmap(from, static_cast<size_t>(at - from));
    munmap(at + needed, static_cast<size_t>(end - at) - needed);
    return at;
}

} // namespace

// CRC-32C of the 32 bits, as the processor's crc32 instruction computes it from 0.
unsigned IsalStream::slot(const void* address) {
    auto crc = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(address) >> 16);
    for (int bit = 0; bit < 32; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78U : 0U);
    return crc % slots;
}

IsalStream::IsalStream() {
    std::byte* place = find_place();
    if (!place) place = map(needed, PROT_READ | PROT_WRITE);
    if (!place) throw std::bad_alloc();
    stream_ = new (place) isal_zstream{};
}

IsalStream::~IsalStream() { munmap(stream_, needed); }

} // namespace kanshiki

#endif
