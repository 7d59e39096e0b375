#pragma once
// BLAKE2b-256 (RFC 7693, 32 bytes of digest, no key): OpenSSL 3.0 has only the 64-byte form, which is another function.

#include "kanshiki/digest.h"

namespace kanshiki {

Digest blake2b_256(std::span<const std::byte> bytes);

} // namespace kanshiki
