#pragma once
// Decryption of sectors as dm-crypt has them (Linux, Documentation/admin-guide/device-mapper/dm-crypt.rst).

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kanshiki::luks {

// AES in XTS or CBC, with IVs of plain, plain64 or essiv. Thread-safe.
class SectorCipher {
public:
    // name: "aes-xts-plain64", "aes-cbc-essiv:sha256" … Nothing when that, or the size of the key, is not known here.
    static std::optional<SectorCipher> make(const std::string& name, std::span<const std::byte> key);

    // Whole sectors in place; number: of the first, in units of 512 bytes, whatever the sector's size.
    void decrypt(std::span<std::byte> sectors, uint32_t sector_size, uint64_t number) const;

private:
    enum class Vector : uint8_t { plain, plain64, essiv };
    SectorCipher() = default;

    const void* algorithm_ = nullptr; // EVP_CIPHER
    Vector vector_ = Vector::plain64;
    std::vector<std::byte> key_, vector_key_;
};

} // namespace kanshiki::luks
