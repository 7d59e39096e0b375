// SHA-256 where the processor has no instructions that we use: OpenSSL's.
#define OPENSSL_SUPPRESS_DEPRECATED // SHA256_Update is the only way to reach OpenSSL's blocks without padding
#include "acquire/block/sha256.h"

#include <algorithm>
#include <openssl/sha.h>

namespace kanshiki::sha256_detail {

void compress_plain(std::array<uint32_t, 8>& state, const std::byte* blocks, size_t count) {
    SHA256_CTX context;
    SHA256_Init(&context);
    std::copy(state.begin(), state.end(), context.h);
    SHA256_Update(&context, blocks, count * 64); // whole blocks only: nothing stays in its buffer
    std::copy(context.h, context.h + 8, state.begin());
}

} // namespace kanshiki::sha256_detail
