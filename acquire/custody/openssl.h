#pragma once
// OpenSSL's objects with owners, and its errors as one line.

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace kanshiki {

template<auto free_it>
struct OpensslFree {
    template<class T>
    void operator()(T* object) const {
        free_it(object);
    }
};
template<class T, auto free_it>
using OpensslOwner = std::unique_ptr<T, OpensslFree<free_it>>;

using Bio = OpensslOwner<BIO, BIO_free_all>;
using X509Owner = OpensslOwner<X509, X509_free>;

// The last thing OpenSSL complained of on this thread; its queue is empty afterwards.
inline std::string openssl_complaint() {
    const unsigned long last = ERR_peek_last_error();
    const char* reason = last ? ERR_reason_error_string(last) : nullptr;
    ERR_clear_error();
    return reason ? reason : "no reason given";
}

inline std::string text_of(BIO* memory) {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(memory, &bytes);
    return size > 0 ? std::string(bytes, static_cast<size_t>(size)) : std::string();
}

} // namespace kanshiki
