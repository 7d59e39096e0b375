#include "acquire/block/xxh64.h"

#define XXH_INLINE_ALL // header-only: the agent is to be static and small
#include <xxhash.h>

namespace kanshiki {

// NOLINTNEXTLINE(clang-analyzer-core.*): the analyzer thinks of a null pointer with a size, which a span has not
uint64_t xxh64(std::span<const std::byte> bytes) { return XXH64(bytes.data(), bytes.size(), 0); }

} // namespace kanshiki
