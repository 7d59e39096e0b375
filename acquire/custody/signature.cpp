#include "kanshiki/signature.h"

#include "acquire/custody/openssl.h"
#include "kanshiki/digest.h"
#include "kanshiki/manifest.h"

#include <openssl/decoder.h>
#include <openssl/pem.h>

#include <algorithm>

namespace kanshiki {
namespace {

constexpr uint64_t largest_key = 1024 * 1024;

std::shared_ptr<EVP_PKEY> owned(EVP_PKEY* key) { return {key, EVP_PKEY_free}; }

// These sign the message itself; the others its SHA-256.
const EVP_MD* digest_for(EVP_PKEY* key) {
    return EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448") ? nullptr : EVP_sha256();
}

using MdContext = OpensslOwner<EVP_MD_CTX, EVP_MD_CTX_free>;

const unsigned char* raw(std::span<const std::byte> bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

int no_passphrase(char*, int, int, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
}

int from_text(char* buffer, int size, int, void* text) {
    const auto& passphrase = *static_cast<std::string*>(text);
    const size_t length = std::min(passphrase.size(), static_cast<size_t>(size));
    std::copy_n(passphrase.data(), length, buffer);
    return static_cast<int>(length);
}

std::shared_ptr<EVP_PKEY> decode(const std::string& text, int selection, pem_password_cb* callback, void* context) {
    EVP_PKEY* key = nullptr;
    const OpensslOwner<OSSL_DECODER_CTX, OSSL_DECODER_CTX_free> decoder(
        OSSL_DECODER_CTX_new_for_pkey(&key, nullptr, nullptr, nullptr, selection, nullptr, nullptr));
    if (!decoder) throw std::bad_alloc();
    if (callback) OSSL_DECODER_CTX_set_pem_password_cb(decoder.get(), callback, context);
    const auto* at = reinterpret_cast<const unsigned char*>(text.data());
    size_t size = text.size();
    if (OSSL_DECODER_from_data(decoder.get(), &at, &size) != 1) return {};
    return owned(key);
}

std::shared_ptr<EVP_PKEY> key_of_certificate(const std::string& text) {
    const Bio in(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    X509Owner certificate(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
    if (!certificate) {
        const auto* at = reinterpret_cast<const unsigned char*>(text.data());
        certificate.reset(d2i_X509(nullptr, &at, static_cast<long>(text.size())));
    }
    if (!certificate) return {};
    return owned(X509_get_pubkey(certificate.get()));
}

std::string first_line_of(const std::filesystem::path& file) {
    const std::string text = read_file(file, 64 * 1024, ExitCode::usage);
    return text.substr(0, text.find_first_of("\r\n"));
}

} // namespace

PublicKey PublicKey::load(const std::filesystem::path& file, ExitCode code) {
    const std::string text = read_file(file, largest_key, code);
    bool asked = false;
    std::shared_ptr<EVP_PKEY> key = decode(text, EVP_PKEY_PUBLIC_KEY, no_passphrase, &asked);
    if (!key) key = key_of_certificate(text);
    if (!key && !asked) key = decode(text, EVP_PKEY_KEYPAIR, no_passphrase, &asked);
    ERR_clear_error();
    if (!key)
        throw Error(code, file.string() + ": no public key or certificate in it that OpenSSL can read (PEM or DER)");
    return PublicKey(std::move(key));
}

bool PublicKey::verify(std::span<const std::byte> content, std::span<const std::byte> signature) const {
    const MdContext context(EVP_MD_CTX_new());
    if (!context) throw std::bad_alloc();
    const bool good =
        EVP_DigestVerifyInit(context.get(), nullptr, digest_for(key_.get()), nullptr, key_.get()) == 1 &&
        EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(content), content.size()) == 1;
    ERR_clear_error();
    return good;
}

std::string PublicKey::fingerprint() const {
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(key_.get(), &der);
    if (size <= 0) throw Error(ExitCode::internal, "a public key cannot be encoded: " + openssl_complaint());
    const std::string hex = to_hex(sha256(std::as_bytes(std::span(der, static_cast<size_t>(size)))));
    OPENSSL_free(der);
    return "SHA256:" + hex;
}

std::string PublicKey::algorithm() const {
    const char* name = EVP_PKEY_get0_type_name(key_.get());
    return name ? name : "unknown";
}

std::string PublicKey::pem() const {
    const Bio out(BIO_new(BIO_s_mem()));
    if (!out || PEM_write_bio_PUBKEY(out.get(), key_.get()) != 1)
        throw Error(ExitCode::internal, "a public key cannot be written: " + openssl_complaint());
    return text_of(out.get());
}

PrivateKey PrivateKey::load(const std::filesystem::path& file, const std::filesystem::path& passphrase_file,
                            bool may_ask) {
    const std::string text = read_file(file, largest_key, ExitCode::usage);
    std::shared_ptr<EVP_PKEY> key;
    bool asked = false;
    if (!passphrase_file.empty()) {
        std::string passphrase = first_line_of(passphrase_file);
        key = decode(text, EVP_PKEY_KEYPAIR, from_text, &passphrase);
        OPENSSL_cleanse(passphrase.data(), passphrase.size());
        if (!key)
            throw Error(ExitCode::refused, file.string() + ": the first line of " + passphrase_file.string() +
                                               " does not open it: " + openssl_complaint());
    } else {
        key = decode(text, EVP_PKEY_KEYPAIR, no_passphrase, &asked);
        if (!key && asked && may_ask)
            key = decode(text, EVP_PKEY_KEYPAIR, PEM_def_callback, nullptr); // asks at the terminal
        if (!key && asked)
            throw Error(ExitCode::refused, file.string() + (may_ask ? ": this passphrase does not open it"
                                                                    : ": needs a passphrase; give --sign-pass-file"));
    }
    ERR_clear_error();
    if (!key)
        throw Error(ExitCode::usage, file.string() + ": no private key that OpenSSL can read; make one with "
                                                     "openssl genpkey -algorithm ed25519 -out key.pem");
    PrivateKey out(std::move(key));
    out.sign(std::as_bytes(std::span("try", 3))); // a key that cannot sign is found out now, not at the end
    return out;
}

std::vector<std::byte> PrivateKey::sign(std::span<const std::byte> content) const {
    const MdContext context(EVP_MD_CTX_new());
    if (!context) throw std::bad_alloc();
    size_t size = 0;
    if (EVP_DigestSignInit(context.get(), nullptr, digest_for(key_.get()), nullptr, key_.get()) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, raw(content), content.size()) != 1)
        throw Error(ExitCode::usage, "this key cannot sign: " + openssl_complaint());
    std::vector<std::byte> out(size);
    if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, raw(content),
                       content.size()) != 1)
        throw Error(ExitCode::usage, "this key cannot sign: " + openssl_complaint());
    out.resize(size);
    return out;
}

SealPaths SealPaths::of(const std::filesystem::path& file) {
    const auto beside = [&](const char* suffix) { return std::filesystem::path(file.native() + suffix); };
    return {beside(".sig"), beside(".pub"), beside(".sig.tsr"), beside(".sig.chain.pem")};
}

} // namespace kanshiki
