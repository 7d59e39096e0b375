#pragma once
// Detached signatures over evidence files, as `openssl pkeyutl -verify -rawin` checks them (docs/formats/signature.md):
// Ed25519 and Ed448 over the file's bytes; RSA (PKCS #1 v1.5) and ECDSA over their SHA-256.

#include "kanshiki/error.h"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

struct evp_pkey_st;

namespace kanshiki {

// The public half of a key. Copies share it; any thread.
class PublicKey {
public:
    // A PEM or DER file: a public key, a certificate, or a private key's public half when it needs no passphrase.
    // Error{code} says what is wrong with it.
    static PublicKey load(const std::filesystem::path& file, ExitCode code);
    explicit PublicKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}

    bool verify(std::span<const std::byte> content, std::span<const std::byte> signature) const;
    std::string fingerprint() const; // "SHA256:" and the hex SHA-256 of its DER SubjectPublicKeyInfo
    std::string algorithm() const;   // "ED25519", "RSA", "EC" …
    std::string pem() const;
    bool operator==(const PublicKey& other) const { return fingerprint() == other.fingerprint(); }

private:
    std::shared_ptr<evp_pkey_st> key_;
};

class PrivateKey {
public:
    // Any key OpenSSL loads. passphrase_file: its first line opens the key; empty: asked for when may_ask, else
    // Error{refused}. Error{usage} when it is no private key or one that cannot sign.
    static PrivateKey load(const std::filesystem::path& file, const std::filesystem::path& passphrase_file,
                           bool may_ask);

    std::vector<std::byte> sign(std::span<const std::byte> content) const;
    PublicKey public_half() const { return PublicKey(key_); }

private:
    explicit PrivateKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}
    std::shared_ptr<evp_pkey_st> key_;
};

// What stands beside a sealed file.
struct SealPaths {
    std::filesystem::path signature; // FILE.sig
    std::filesystem::path key;       // FILE.pub: for convenience, never trusted
    std::filesystem::path timestamp; // FILE.sig.tsr
    std::filesystem::path chain;     // FILE.sig.chain.pem
    static SealPaths of(const std::filesystem::path& file);
};

} // namespace kanshiki
