// A time-stamp authority's reply, or one that lies beside the evidence: refused with an Error, or read.
#include "acquire/custody/timestamp.h"
#include "acquire/custody/timestamp_token.h"
#include "kanshiki/error.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace kanshiki;
    const auto reply = std::as_bytes(std::span(data, size));
    const Digest imprint = sha256(std::as_bytes(std::span("signature", 9)));
    try {
        const TimestampToken token(reply);
        token.time_text();
        for (const X509Owner& one : token.certificates()) revocation_urls(one.get());
        try {
            token.must_be_over(imprint);
        } catch (const Error& error) {
            if (error.code() != ExitCode::altered) std::abort();
        }
        token.must_answer(imprint);
    } catch (const Error&) {
    }
    try {
        const Timestamp read = read_timestamp(reply, imprint, {});
        if (read.authority.empty() || read.chain_pem.empty()) std::abort(); // it says that its signature is whole
    } catch (const Error&) {
    }
    try {
        revocation_list_pem(reply);
    } catch (const Error&) {
    }
    return 0;
}
