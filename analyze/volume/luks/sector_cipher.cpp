#include "analyze/volume/luks/sector_cipher.h"

#include "acquire/custody/openssl.h"
#include "kanshiki/error.h"

#include <array>
#include <cstring>

namespace kanshiki::luks {
namespace {

using Context = OpensslOwner<EVP_CIPHER_CTX, EVP_CIPHER_CTX_free>;

const unsigned char* raw(std::span<const std::byte> bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

const EVP_CIPHER* find_cipher(bool xts, size_t key_size) {
    if (xts) return key_size == 64 ? EVP_aes_256_xts() : key_size == 32 ? EVP_aes_128_xts() : nullptr;
    return key_size == 32   ? EVP_aes_256_cbc()
           : key_size == 24 ? EVP_aes_192_cbc()
           : key_size == 16 ? EVP_aes_128_cbc()
                            : nullptr;
}

const EVP_CIPHER* block_cipher(size_t key_size) {
    return key_size == 32   ? EVP_aes_256_ecb()
           : key_size == 24 ? EVP_aes_192_ecb()
           : key_size == 16 ? EVP_aes_128_ecb()
                            : nullptr;
}

std::vector<std::byte> digest_of(std::span<const std::byte> bytes, const std::string& algorithm) {
    const EVP_MD* const found = EVP_get_digestbyname(algorithm.c_str());
    std::vector<std::byte> out(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    if (found == nullptr || EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(out.data()), &size,
                                       found, nullptr) != 1)
        return {};
    out.resize(size);
    return out;
}

void check(int done) {
    if (done != 1) throw Error(ExitCode::internal, "AES: " + openssl_complaint());
}

} // namespace

std::optional<SectorCipher> SectorCipher::make(const std::string& name, std::span<const std::byte> key) {
    const bool xts = name.starts_with("aes-xts-");
    if (!xts && !name.starts_with("aes-cbc-")) return {};
    const std::string vector = name.substr(8);
    SectorCipher out;
    out.algorithm_ = find_cipher(xts, key.size());
    if (out.algorithm_ == nullptr) return {};
    out.key_.assign(key.begin(), key.end());
    if (vector == "plain")
        out.vector_ = Vector::plain;
    else if (vector.starts_with("essiv:")) {
        out.vector_ = Vector::essiv;
        out.vector_key_ = digest_of(key, vector.substr(6));
        if (block_cipher(out.vector_key_.size()) == nullptr) return {};
    } else if (vector != "plain64")
        return {};
    return out;
}

void SectorCipher::decrypt(std::span<std::byte> sectors, uint32_t sector_size, uint64_t number) const {
    const Context context(EVP_CIPHER_CTX_new()), vectors(EVP_CIPHER_CTX_new());
    check(EVP_DecryptInit_ex(context.get(), static_cast<const EVP_CIPHER*>(algorithm_), nullptr, raw(key_), nullptr));
    EVP_CIPHER_CTX_set_padding(context.get(), 0);
    if (vector_ == Vector::essiv) {
        check(EVP_EncryptInit_ex(vectors.get(), block_cipher(vector_key_.size()), nullptr, raw(vector_key_), nullptr));
        EVP_CIPHER_CTX_set_padding(vectors.get(), 0);
    }
    for (size_t at = 0; at < sectors.size(); at += sector_size, number += sector_size / 512) {
        std::array<unsigned char, 16> iv{};
        const unsigned bytes = vector_ == Vector::plain ? 4 : 8;
        for (unsigned index = 0; index < bytes; index++) iv[index] = static_cast<unsigned char>(number >> 8 * index);
        int size = 0;
        if (vector_ == Vector::essiv) check(EVP_EncryptUpdate(vectors.get(), iv.data(), &size, iv.data(), iv.size()));
        check(EVP_DecryptInit_ex(context.get(), nullptr, nullptr, nullptr, iv.data()));
        auto* const sector = reinterpret_cast<unsigned char*>(sectors.data() + at);
        check(EVP_DecryptUpdate(context.get(), sector, &size, sector, static_cast<int>(sector_size)));
    }
}

} // namespace kanshiki::luks
