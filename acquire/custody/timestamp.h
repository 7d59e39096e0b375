#pragma once
// RFC 3161 time-stamps over a file's SHA-256 (docs/formats/signature.md).

#include "kanshiki/digest.h"

#include <filesystem>
#include <span>
#include <stop_token>

namespace kanshiki {

// The DER of a TimeStampReq with a random nonce, and the nonce.
struct TimestampRequest {
    std::vector<std::byte> der, nonce;
    static TimestampRequest over(const Digest& imprint);
};

// What a reply says, once it has been checked as far as it can be without trusting anyone: granted, well-formed, over
// this imprint, its signature whole.
struct Timestamp {
    std::string time;                   // UTC, RFC 3339
    std::string authority;              // who signed it, by its certificate's subject
    std::vector<std::string> chain_pem; // the certificates it carries
};

// Throws Error{never_valid}: no reply; Error{later_step}: the authority refused; Error{altered}: of other content, with
// another nonce, or not whole. nonce: empty where it is no longer known.
Timestamp read_timestamp(std::span<const std::byte> reply, const Digest& imprint, std::span<const std::byte> nonce);

// Throws Error{altered} unless it was signed by a certificate that the authorities in `trusted` (PEM files) vouch for
// at the token's own time, and that no revocation list in `chain` (a PEM file, may be missing) had revoked by then.
void trust_timestamp(std::span<const std::byte> reply, const Digest& imprint,
                     const std::vector<std::filesystem::path>& trusted, const std::filesystem::path& chain);

// Asks the authority at `url` for a time-stamp and checks what it sends. Error{later_step} says why there is none.
std::vector<std::byte> fetch_timestamp(const std::string& url, const Digest& imprint, unsigned seconds,
                                       std::stop_token stop);

// The certificates of the reply and of `more` (a PEM file, may be empty), and the revocation lists that they point to,
// as one PEM text. `missing` gets a line for each list that could not be fetched.
std::string collect_chain(std::span<const std::byte> reply, const std::filesystem::path& more, unsigned seconds,
                          std::vector<std::string>& missing, std::stop_token stop);

} // namespace kanshiki
