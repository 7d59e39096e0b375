#pragma once
// Digests over bytes. All are plain FIPS 180-4 / RFC 1321 digests that any other tool can recompute.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kanshiki {

using Digest = std::array<std::byte, 32>; // a SHA-256

enum class DigestAlgorithm : uint8_t { sha256, md5, sha1, sha512 };

std::string_view digest_name(DigestAlgorithm algorithm);                // "sha256" …
std::optional<DigestAlgorithm> digest_from_name(std::string_view name); // nothing if unknown
std::string to_hex(std::span<const std::byte> bytes);                   // lower case
std::optional<std::vector<std::byte>> from_hex(std::string_view text);  // either case; nothing if malformed
std::optional<Digest> digest_from_hex(std::string_view text);           // exactly 64 digits

Digest sha256(std::span<const std::byte> bytes); // any thread

// One running digest. Not thread-safe; finish() once.
class Hasher {
public:
    virtual ~Hasher() = default;
    virtual void update(std::span<const std::byte> bytes) = 0;
    virtual std::vector<std::byte> finish() = 0;
};
std::unique_ptr<Hasher> make_hasher(DigestAlgorithm algorithm);

} // namespace kanshiki
