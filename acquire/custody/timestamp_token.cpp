#include "acquire/custody/timestamp_token.h"

#include "kanshiki/error.h"
#include "kanshiki/manifest.h"

#include <openssl/ess.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstring>

namespace kanshiki {
namespace {

[[noreturn]] void altered(const std::string& what) { throw Error(ExitCode::altered, what); }

std::string bio_text(auto&& write) {
    const Bio out(BIO_new(BIO_s_mem()));
    if (!out) throw std::bad_alloc();
    write(out.get());
    return text_of(out.get());
}

std::string subject_of(X509* certificate) {
    return bio_text([&](BIO* out) {
        X509_NAME_print_ex(out, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    });
}

// What the authority says of itself when it refuses.
std::string refusal(TS_STATUS_INFO* status) {
    std::string out = "status " + std::to_string(ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(status)));
    const STACK_OF(ASN1_UTF8STRING)* texts = TS_STATUS_INFO_get0_text(status);
    for (int i = 0; i < sk_ASN1_UTF8STRING_num(texts) && i < 8; ++i) {
        const ASN1_UTF8STRING* text = sk_ASN1_UTF8STRING_value(texts, i);
        out += ": " + std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                                  static_cast<size_t>(std::min(ASN1_STRING_length(text), 500)));
    }
    return out;
}

OpensslOwner<X509_STORE, X509_STORE_free> store_of(const std::vector<std::filesystem::path>& trusted) {
    OpensslOwner<X509_STORE, X509_STORE_free> store(X509_STORE_new());
    if (!store) throw std::bad_alloc();
    for (const auto& file : trusted)
        for (const X509Owner& one : certificates_in(file)) X509_STORE_add_cert(store.get(), one.get());
    X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN); // whatever was named is trusted, root or not
    return store;
}

void forget_certificates(STACK_OF(X509) * list) { sk_X509_free(list); } // they are others'

// By serial number, in the lists of its own issuer, up to the token's time.
void must_not_be_revoked(X509* certificate, const std::filesystem::path& chain, time_t when) {
    if (!std::filesystem::exists(chain)) return;
    const std::string text = read_file(chain, 64 << 20, ExitCode::altered);
    const Bio in(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    while (true) {
        const OpensslOwner<X509_CRL, X509_CRL_free> list(PEM_read_bio_X509_CRL(in.get(), nullptr, nullptr, nullptr));
        if (!list) break;
        if (X509_NAME_cmp(X509_CRL_get_issuer(list.get()), X509_get_issuer_name(certificate)) != 0) continue;
        X509_REVOKED* found = nullptr;
        if (X509_CRL_get0_by_cert(list.get(), &found, certificate) != 1) continue;
        if (X509_cmp_time(X509_REVOKED_get0_revocationDate(found), &when) < 0)
            altered("the authority's certificate had been revoked by the time-stamp's time");
    }
    ERR_clear_error();
}

// The signer's certificate is the one that its own signed attributes name by digest (RFC 2634, RFC 5035).
bool named_by_digest(PKCS7_SIGNER_INFO* info, STACK_OF(X509) * certificates) {
    const auto sequence = [&](int kind) -> const ASN1_STRING* {
        const ASN1_TYPE* const found = PKCS7_get_signed_attribute(info, kind);
        return found && found->type == V_ASN1_SEQUENCE ? found->value.sequence : nullptr;
    };
    const auto read = [](const ASN1_STRING* from, auto* parse) {
        const unsigned char* at = from ? ASN1_STRING_get0_data(from) : nullptr;
        return from ? parse(nullptr, &at, ASN1_STRING_length(from)) : nullptr;
    };
    const OpensslOwner<ESS_SIGNING_CERT, ESS_SIGNING_CERT_free> first(
        read(sequence(NID_id_smime_aa_signingCertificate), d2i_ESS_SIGNING_CERT));
    const OpensslOwner<ESS_SIGNING_CERT_V2, ESS_SIGNING_CERT_V2_free> second(
        read(sequence(NID_id_smime_aa_signingCertificateV2), d2i_ESS_SIGNING_CERT_V2));
    return OSSL_ESS_check_signing_certs(first.get(), second.get(), certificates, 1) == 1;
}

} // namespace

ASN1_INTEGER* integer_of(std::span<const std::byte> bytes) {
    const OpensslOwner<BIGNUM, BN_free> number(
        BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), nullptr));
    return number ? BN_to_ASN1_INTEGER(number.get(), nullptr) : nullptr;
}

TimestampToken::TimestampToken(std::span<const std::byte> reply) {
    const auto* at = reinterpret_cast<const unsigned char*>(reply.data());
    const auto* const begin = at;
    reply_.reset(d2i_TS_RESP(nullptr, &at, static_cast<long>(reply.size())));
    if (!reply_ || static_cast<size_t>(at - begin) != reply.size()) {
        ERR_clear_error();
        throw Error(ExitCode::never_valid, "this is no time-stamp reply (RFC 3161)");
    }
    TS_STATUS_INFO* const status = TS_RESP_get_status_info(reply_.get());
    const long granted = ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(status));
    if (granted != TS_STATUS_GRANTED && granted != TS_STATUS_GRANTED_WITH_MODS)
        throw Error(ExitCode::later_step, "the authority refused, " + refusal(status));
    token_ = TS_RESP_get_token(reply_.get());
    content_ = TS_RESP_get_tst_info(reply_.get());
    if (!token_ || !content_ || !PKCS7_type_is_signed(token_))
        throw Error(ExitCode::never_valid, "this time-stamp reply holds no token");
}

void TimestampToken::must_be_over(const Digest& imprint) const {
    TS_MSG_IMPRINT* const own = TS_TST_INFO_get_msg_imprint(content_);
    const ASN1_OBJECT* algorithm = nullptr;
    X509_ALGOR_get0(&algorithm, nullptr, nullptr, TS_MSG_IMPRINT_get_algo(own));
    const ASN1_OCTET_STRING* const digest = TS_MSG_IMPRINT_get_msg(own);
    if (OBJ_obj2nid(algorithm) != NID_sha256 || ASN1_STRING_length(digest) != static_cast<int>(imprint.size()) ||
        std::memcmp(ASN1_STRING_get0_data(digest), imprint.data(), imprint.size()) != 0)
        altered("the time-stamp is of another digest");
}

void TimestampToken::must_answer(std::span<const std::byte> nonce) const {
    const OpensslOwner<ASN1_INTEGER, ASN1_INTEGER_free> asked(integer_of(nonce));
    const ASN1_INTEGER* const answered = TS_TST_INFO_get_nonce(content_);
    if (!asked || !answered || ASN1_INTEGER_cmp(asked.get(), answered) != 0)
        altered("the time-stamp answers another request: its nonce is not the one asked with");
}

void TimestampToken::must_be_whole() const {
    if (!signer()) altered("the time-stamp does not carry its authority's certificate");
    const Bio content(PKCS7_dataInit(token_, nullptr));
    if (!content) altered("the time-stamp cannot be read: " + openssl_complaint());
    char buffer[4096];
    while (BIO_read(content.get(), buffer, sizeof buffer) > 0) {
    } // computes the digests
    STACK_OF(PKCS7_SIGNER_INFO)* const signers = PKCS7_get_signer_info(token_);
    PKCS7_SIGNER_INFO* const info = sk_PKCS7_SIGNER_INFO_value(signers, 0);
    if (PKCS7_signatureVerify(content.get(), token_, info, signer()) != 1)
        altered("the time-stamp's own signature does not fit it: " + openssl_complaint());
    certificates_must_be_whole(info);
}

// The signer's is the one named in what it signed; the others' own signatures fit, as far as their issuers are here.
void TimestampToken::certificates_must_be_whole(PKCS7_SIGNER_INFO* info) const {
    const std::vector<X509Owner> all = certificates();
    const OpensslOwner<STACK_OF(X509), forget_certificates> signer_first(sk_X509_new_null());
    if (!signer_first || sk_X509_push(signer_first.get(), signer()) == 0) throw std::bad_alloc();
    for (const X509Owner& one : all)
        if (sk_X509_push(signer_first.get(), one.get()) == 0) throw std::bad_alloc();
    if (!named_by_digest(info, signer_first.get()))
        altered("the time-stamp's certificate is not the one that it names: " + openssl_complaint());
    for (const X509Owner& one : all)
        for (const X509Owner& issuer : all)
            if (X509_NAME_cmp(X509_get_subject_name(issuer.get()), X509_get_issuer_name(one.get())) == 0 &&
                X509_verify(one.get(), X509_get0_pubkey(issuer.get())) != 1) {
                ERR_clear_error();
                altered("a certificate in the time-stamp was altered: " + subject_of(one.get()));
            }
}

void TimestampToken::must_be_trusted(const std::vector<std::filesystem::path>& trusted,
                                     const std::filesystem::path& chain) const {
    std::tm parts{};
    if (ASN1_TIME_to_tm(TS_TST_INFO_get_time(content_), &parts) != 1) altered("the time-stamp's time cannot be read");
    const time_t when = ::timegm(&parts);
    const auto store = store_of(trusted);
    const OpensslOwner<X509_VERIFY_PARAM, X509_VERIFY_PARAM_free> at(X509_VERIFY_PARAM_new());
    if (!at) throw std::bad_alloc();
    X509_VERIFY_PARAM_set_time(at.get(), when); // a certificate that has expired since was good then
    X509_STORE_set1_param(store.get(), at.get());
    ERR_clear_error();
    X509* by = nullptr;
    if (TS_RESP_verify_signature(token_, nullptr, store.get(), &by) != 1) {
        const char* data = nullptr;
        int flags = 0;
        ERR_peek_last_error_data(&data, &flags);
        const std::string why = data && (flags & ERR_TXT_STRING) ? data : openssl_complaint();
        ERR_clear_error();
        altered("the time-stamp's authority is not trusted at " + time_text() + ": " + why);
    }
    const X509Owner held(by);
    must_not_be_revoked(by, chain, when);
}

std::string TimestampToken::time_text() const {
    std::tm parts{};
    if (ASN1_TIME_to_tm(TS_TST_INFO_get_time(content_), &parts) != 1) return "an unreadable time";
    char text[64];
    return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts));
}

X509* TimestampToken::signer() const {
    STACK_OF(PKCS7_SIGNER_INFO)* const signers = PKCS7_get_signer_info(token_);
    if (sk_PKCS7_SIGNER_INFO_num(signers) != 1) return nullptr;
    PKCS7_SIGNER_INFO* const info = sk_PKCS7_SIGNER_INFO_value(signers, 0);
    return PKCS7_cert_from_signer_info(token_, info);
}

std::string TimestampToken::authority() const {
    X509* const certificate = signer();
    return certificate ? subject_of(certificate) : "an authority without a certificate in the reply";
}

std::vector<X509Owner> TimestampToken::certificates() const {
    std::vector<X509Owner> out;
    const STACK_OF(X509)* const all = token_->d.sign ? token_->d.sign->cert : nullptr;
    for (int i = 0; i < sk_X509_num(all) && i < 32; ++i) {
        X509* const one = sk_X509_value(all, i);
        X509_up_ref(one);
        out.emplace_back(one);
    }
    return out;
}

std::vector<std::string> TimestampToken::certificates_pem() const {
    std::vector<std::string> out;
    for (const X509Owner& one : certificates()) out.push_back(pem_of(one.get()));
    return out;
}

std::vector<X509Owner> certificates_in(const std::filesystem::path& file) {
    const std::string text = read_file(file, 16 << 20, ExitCode::usage);
    const Bio in(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    std::vector<X509Owner> out;
    while (X509* one = PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)) out.emplace_back(one);
    ERR_clear_error();
    if (out.empty()) throw Error(ExitCode::usage, file.string() + ": no certificate in PEM in it");
    return out;
}

std::string pem_of(X509* certificate) {
    return bio_text([&](BIO* out) { PEM_write_bio_X509(out, certificate); });
}

std::vector<std::string> revocation_urls(X509* certificate) {
    std::vector<std::string> out;
    const OpensslOwner<CRL_DIST_POINTS, CRL_DIST_POINTS_free> points(
        static_cast<CRL_DIST_POINTS*>(X509_get_ext_d2i(certificate, NID_crl_distribution_points, nullptr, nullptr)));
    for (int i = 0; points && i < sk_DIST_POINT_num(points.get()); ++i) {
        const DIST_POINT* const point = sk_DIST_POINT_value(points.get(), i);
        if (!point->distpoint || point->distpoint->type != 0) continue;
        const GENERAL_NAMES* const names = point->distpoint->name.fullname;
        for (int k = 0; k < sk_GENERAL_NAME_num(names); ++k) {
            int type = 0;
            const auto* text =
                static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, k), &type));
            if (type != GEN_URI) continue;
            const std::string url(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                                  static_cast<size_t>(ASN1_STRING_length(text)));
            if (url.starts_with("http://") || url.starts_with("https://")) out.push_back(url);
        }
    }
    return out;
}

std::string revocation_list_pem(std::span<const std::byte> list) {
    const auto* at = reinterpret_cast<const unsigned char*>(list.data());
    OpensslOwner<X509_CRL, X509_CRL_free> read(d2i_X509_CRL(nullptr, &at, static_cast<long>(list.size())));
    if (!read) {
        const Bio in(BIO_new_mem_buf(list.data(), static_cast<int>(list.size())));
        read.reset(PEM_read_bio_X509_CRL(in.get(), nullptr, nullptr, nullptr));
    }
    ERR_clear_error();
    if (!read) throw Error(ExitCode::never_valid, "what a certificate names as its revocation list is none");
    return bio_text([&](BIO* out) { PEM_write_bio_X509_CRL(out, read.get()); });
}

} // namespace kanshiki
