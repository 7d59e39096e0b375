#pragma once
// Signs an evidence file (the manifest, or the custody log's head) and has the signature time-stamped
// (docs/formats/signature.md).

#include "kanshiki/signature.h"

#include <optional>
#include <stop_token>

namespace kanshiki {

struct SealOptions {
    std::filesystem::path key;             // private key; empty: nothing is signed
    std::filesystem::path passphrase_file; // its first line opens the key
    bool may_ask = false;                  // a terminal is there: the passphrase may be asked for
    std::string timestamp_url;             // of an RFC 3161 authority; empty: none
    std::filesystem::path authority_chain; // PEM of the authority's certificates, to be archived too; may be empty
    unsigned timeout = 60;                 // seconds, of each exchange with the authority
};

struct Stamped {
    std::string time, authority;           // as the token says
    std::vector<std::string> not_archived; // revocation lists that could not be fetched, and why
};

class Sealer {
public:
    // Loads the key, so that a wrong one is found out before any work is done. Error{usage}, Error{refused}.
    explicit Sealer(SealOptions options);

    bool signs() const { return key_.has_value(); }
    bool stamps() const { return !options_.timestamp_url.empty(); }
    std::string fingerprint() const; // of the key; empty without one

    void sign(const std::filesystem::path& file) const; // FILE.sig, FILE.pub; durable. Error{destination}
    // FILE.sig.tsr and FILE.sig.chain.pem. Error{later_step}: no time-stamp, and why; FILE.sig is as it was.
    Stamped stamp(const std::filesystem::path& file, std::stop_token stop) const;

private:
    SealOptions options_;
    std::optional<PrivateKey> key_;
};

// The custody log's head as a small text of its own, which can be signed: IMAGE.custody.head. Up to its entry, lines
// that were cut off the log's end are missed.
struct CustodyHead {
    uint64_t entries = 0;
    std::string head;            // hex
    std::string manifest_sha256; // hex
};
std::string render_custody_head(const CustodyHead& head);
CustodyHead parse_custody_head(std::string_view text, std::string_view name); // Error{never_valid}

} // namespace kanshiki
