#include "kanshiki/digest.h"

#include <openssl/evp.h>

#include <stdexcept>

namespace kanshiki {
namespace {

struct Named {
    DigestAlgorithm algorithm;
    std::string_view name;
    const EVP_MD* (*openssl)();
};
constexpr Named table[] = {
    {DigestAlgorithm::sha256, "sha256", EVP_sha256},
    {DigestAlgorithm::md5, "md5", EVP_md5},
    {DigestAlgorithm::sha1, "sha1", EVP_sha1},
    {DigestAlgorithm::sha512, "sha512", EVP_sha512},
};

const Named& row(DigestAlgorithm algorithm) {
    for (const Named& named : table)
        if (named.algorithm == algorithm) return named;
    throw std::logic_error("digest algorithm without a row in the table");
}

class EvpHasher final : public Hasher {
public:
    explicit EvpHasher(const EVP_MD* md) : context_(EVP_MD_CTX_new()) {
        if (!context_ || EVP_DigestInit_ex(context_.get(), md, nullptr) != 1)
            throw std::runtime_error("OpenSSL refuses a digest (a FIPS policy?)");
    }
    void update(std::span<const std::byte> bytes) override {
        if (EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1)
            throw std::runtime_error("EVP_DigestUpdate failed");
    }
    std::vector<std::byte> finish() override {
        std::vector<std::byte> out(EVP_MAX_MD_SIZE);
        unsigned size = 0;
        if (EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(out.data()), &size) != 1)
            throw std::runtime_error("EVP_DigestFinal_ex failed");
        out.resize(size);
        return out;
    }

private:
    struct Free {
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };
    std::unique_ptr<EVP_MD_CTX, Free> context_;
};

int nibble(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

} // namespace

std::string_view digest_name(DigestAlgorithm algorithm) { return row(algorithm).name; }

std::optional<DigestAlgorithm> digest_from_name(std::string_view name) {
    for (const Named& named : table)
        if (named.name == name) return named.algorithm;
    return {};
}

std::string to_hex(std::span<const std::byte> bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const std::byte b : bytes) {
        out += digits[std::to_integer<unsigned>(b) >> 4];
        out += digits[std::to_integer<unsigned>(b) & 15];
    }
    return out;
}

std::optional<std::vector<std::byte>> from_hex(std::string_view text) {
    if (text.size() % 2) return {};
    std::vector<std::byte> out;
    out.reserve(text.size() / 2);
    for (size_t i = 0; i < text.size(); i += 2) {
        const int high = nibble(text[i]), low = nibble(text[i + 1]);
        if (high < 0 || low < 0) return {};
        out.push_back(static_cast<std::byte>(high << 4 | low));
    }
    return out;
}

std::optional<Digest> digest_from_hex(std::string_view text) {
    const auto bytes = from_hex(text);
    if (!bytes || bytes->size() != sizeof(Digest)) return {};
    Digest out;
    std::copy(bytes->begin(), bytes->end(), out.begin());
    return out;
}

std::unique_ptr<Hasher> make_hasher(DigestAlgorithm algorithm) {
    return std::make_unique<EvpHasher>(row(algorithm).openssl());
}

} // namespace kanshiki
