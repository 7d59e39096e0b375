#include "acquire/custody/timestamp.h"

#include "acquire/custody/http.h"
#include "acquire/custody/timestamp_token.h"
#include "kanshiki/error.h"

#include <openssl/rand.h>

#include <algorithm>

namespace kanshiki {

TimestampRequest TimestampRequest::over(const Digest& imprint) {
    TimestampRequest out;
    out.nonce.resize(16);
    if (RAND_bytes(reinterpret_cast<unsigned char*>(out.nonce.data()), static_cast<int>(out.nonce.size())) != 1)
        throw Error(ExitCode::internal, "no random bytes: " + openssl_complaint());
    out.nonce[0] = std::byte{0x40} | (out.nonce[0] & std::byte{0x3f}); // positive, and of full length as an integer

    const OpensslOwner<TS_REQ, TS_REQ_free> request(TS_REQ_new());
    const OpensslOwner<TS_MSG_IMPRINT, TS_MSG_IMPRINT_free> message(TS_MSG_IMPRINT_new());
    const OpensslOwner<X509_ALGOR, X509_ALGOR_free> algorithm(X509_ALGOR_new());
    const OpensslOwner<ASN1_INTEGER, ASN1_INTEGER_free> nonce(integer_of(out.nonce));
    if (!request || !message || !algorithm || !nonce) throw std::bad_alloc();
    Digest copy = imprint; // OpenSSL wants it writable
    if (!X509_ALGOR_set0(algorithm.get(), OBJ_nid2obj(NID_sha256), V_ASN1_NULL, nullptr) ||
        !TS_MSG_IMPRINT_set_algo(message.get(), algorithm.get()) ||
        !TS_MSG_IMPRINT_set_msg(message.get(), reinterpret_cast<unsigned char*>(copy.data()),
                                static_cast<int>(copy.size())) ||
        !TS_REQ_set_version(request.get(), 1) || !TS_REQ_set_msg_imprint(request.get(), message.get()) ||
        !TS_REQ_set_nonce(request.get(), nonce.get()) || !TS_REQ_set_cert_req(request.get(), 1))
        throw Error(ExitCode::internal, "a time-stamp request cannot be made: " + openssl_complaint());
    unsigned char* der = nullptr;
    const int size = i2d_TS_REQ(request.get(), &der);
    if (size <= 0) throw Error(ExitCode::internal, "a time-stamp request cannot be made: " + openssl_complaint());
    const auto bytes = std::as_bytes(std::span(der, static_cast<size_t>(size)));
    out.der.assign(bytes.begin(), bytes.end());
    OPENSSL_free(der);
    return out;
}

Timestamp read_timestamp(std::span<const std::byte> reply, const Digest& imprint, std::span<const std::byte> nonce) {
    const TimestampToken token(reply);
    token.must_be_over(imprint);
    if (!nonce.empty()) token.must_answer(nonce);
    token.must_be_whole();
    return {token.time_text(), token.authority(), token.certificates_pem()};
}

void trust_timestamp(std::span<const std::byte> reply, const Digest& imprint,
                     const std::vector<std::filesystem::path>& trusted, const std::filesystem::path& chain) {
    const TimestampToken token(reply);
    token.must_be_over(imprint);
    token.must_be_trusted(trusted, chain);
}

std::vector<std::byte> fetch_timestamp(const std::string& url, const Digest& imprint, unsigned seconds,
                                       std::stop_token stop) {
    const TimestampRequest request = TimestampRequest::over(imprint);
    std::vector<std::byte> reply = http_exchange(
        {.url = url, .content_type = "application/timestamp-query", .body = request.der, .seconds = seconds}, stop);
    try {
        read_timestamp(reply, imprint, request.nonce);
    } catch (const Error& error) {
        throw Error(ExitCode::later_step, url + ": " + error.what());
    }
    return reply;
}

std::string collect_chain(std::span<const std::byte> reply, const std::filesystem::path& more, unsigned seconds,
                          std::vector<std::string>& missing, std::stop_token stop) {
    const TimestampToken token(reply);
    std::vector<X509Owner> certificates = token.certificates();
    if (!more.empty())
        for (X509Owner& one : certificates_in(more)) certificates.push_back(std::move(one));
    std::string out;
    std::vector<std::string> asked;
    for (const X509Owner& one : certificates) {
        if (const std::string pem = pem_of(one.get()); out.find(pem) == out.npos) out += pem;
        for (const std::string& url : revocation_urls(one.get())) {
            if (asked.size() >= 8 || std::find(asked.begin(), asked.end(), url) != asked.end()) continue;
            asked.push_back(url);
            try {
                const auto list = http_exchange({.url = url, .largest_reply = 16 << 20, .seconds = seconds}, stop);
                out += revocation_list_pem(list);
            } catch (const Error& error) {
                if (error.code() == ExitCode::interrupted) throw;
                missing.push_back(error.what());
            }
        }
    }
    return out;
}

} // namespace kanshiki
