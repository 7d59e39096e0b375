#pragma once
// A TimeStampResp as OpenSSL reads it, and what it can be asked. Everything in it is hostile.

#include "acquire/custody/openssl.h"
#include "kanshiki/digest.h"

#include <openssl/ts.h>

#include <filesystem>

namespace kanshiki {

class TimestampToken {
public:
    // Error{never_valid}: not a reply of RFC 3161; Error{later_step}: the authority refused, with its words.
    explicit TimestampToken(std::span<const std::byte> reply);

    // Each throws Error{altered} with its own message.
    void must_be_over(const Digest& imprint) const;
    void must_answer(std::span<const std::byte> nonce) const;
    void must_be_whole() const; // its signature fits its content, and its certificates theirs, whoever made them
    void must_be_trusted(const std::vector<std::filesystem::path>& trusted, const std::filesystem::path& chain) const;

    std::string time_text() const;
    std::string authority() const; // the signer's subject
    std::vector<X509Owner> certificates() const;
    std::vector<std::string> certificates_pem() const;

private:
    void certificates_must_be_whole(PKCS7_SIGNER_INFO* info) const;
    X509* signer() const; // null when the reply does not carry it
    OpensslOwner<TS_RESP, TS_RESP_free> reply_;
    PKCS7* token_ = nullptr;         // of reply_
    TS_TST_INFO* content_ = nullptr; // of reply_
};

ASN1_INTEGER* integer_of(std::span<const std::byte> bytes);                // big-endian, positive; owned by the caller
std::vector<X509Owner> certificates_in(const std::filesystem::path& file); // PEM; Error{usage}
std::string pem_of(X509* certificate);
std::vector<std::string> revocation_urls(X509* certificate);
std::string revocation_list_pem(std::span<const std::byte> list); // DER or PEM; Error{never_valid}

} // namespace kanshiki
