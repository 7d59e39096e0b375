#include "acquire/verify/authenticity.h"

#include "acquire/custody/files.h"

#include "acquire/custody/timestamp.h"
#include "kanshiki/audit_log.h"
#include "kanshiki/checksum_list.h"
#include "kanshiki/escape.h"
#include "kanshiki/seal.h"

#include <algorithm>
#include <fstream>

namespace kanshiki {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t largest_signed = 64 * 1024 * 1024;
constexpr uint64_t largest_signature = 64 * 1024;
constexpr uint64_t largest_reply = 1024 * 1024;

std::string name_of(const fs::path& path) { return path.filename().string(); }
std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

// A signature and its time-stamp, over one file.
class SealCheck {
public:
    SealCheck(const fs::path& file, const TrustOptions& trust, VerifyFindings& findings)
        : file_(file), paths_(SealPaths::of(file)), trust_(trust), findings_(findings) {}

    // True: by a trusted key, and whole.
    bool run() {
        try {
            const std::string content = read_file(file_, largest_signed, ExitCode::altered);
            const std::string signature = read_file(paths_.signature, largest_signature, ExitCode::altered);
            const bool trusted = check_signature(bytes_of(content), bytes_of(signature));
            if (present(paths_.timestamp)) check_timestamp(sha256(bytes_of(signature)));
            return trusted;
        } catch (const Error& error) {
            findings_.file_damage(paths_.signature, error.what());
            return false;
        }
    }

private:
    bool check_signature(std::span<const std::byte> content, std::span<const std::byte> signature) {
        for (const fs::path& file : trust_.keys) {
            const PublicKey key = PublicKey::load(file, ExitCode::usage);
            if (!key.verify(content, signature)) continue;
            findings_.checked.push_back("signature of " + name_of(file_) + " by the trusted " + key.algorithm() +
                                        " key " + key.fingerprint());
            if (present(paths_.key)) check_key_beside(key);
            return true;
        }
        if (!present(paths_.key)) {
            if (trust_.keys.empty())
                findings_.not_checked.push_back(
                    {"the signature of " + name_of(file_), "no key was given (--trust-key)"});
            else
                findings_.file_damage(paths_.signature,
                                      "is not a signature of " + name_of(file_) + " by a trusted key");
            return false;
        }
        const PublicKey beside = PublicKey::load(paths_.key, ExitCode::altered);
        if (!beside.verify(content, signature)) {
            findings_.file_damage(paths_.signature, "does not fit " + name_of(file_) + ": one of the two, or " +
                                                        name_of(paths_.key) + ", was altered");
            return false;
        }
        findings_.checked.push_back("signature of " + name_of(file_) + " fits the key beside it");
        check_key_beside(beside);
        findings_.notes.push_back(
            name_of(file_) + " is signed by the key " + beside.fingerprint() + ", which is " +
            (trust_.keys.empty() ? "not known to be trusted (--trust-key)" : "none of those given as trusted"));
        return false;
    }

    // Nothing rests on it, but whoever altered it may have meant somebody to use it. To the byte, since base64 has bits
    // that mean nothing.
    void check_key_beside(const PublicKey& signer) {
        try {
            if (read_file(paths_.key, largest_signature, ExitCode::altered) == signer.pem()) return;
            findings_.file_damage(paths_.key, "is not, to the byte, the key that signed " + name_of(file_));
        } catch (const Error& error) {
            findings_.file_damage(paths_.key, error.what());
        }
    }

    void check_timestamp(const Digest& imprint) {
        const std::string text = read_file(paths_.timestamp, largest_reply, ExitCode::altered);
        Timestamp token;
        try {
            token = read_timestamp(bytes_of(text), imprint, {});
        } catch (const Error& error) {
            return findings_.file_damage(paths_.timestamp, error.what());
        }
        findings_.checked.push_back("time-stamp of the signature: " + token.time);
        if (trust_.authorities.empty()) {
            findings_.not_checked.push_back(
                {"whether the authority of the time-stamp, " + token.authority + ", is real",
                 "no certificate was given (--trust-cert)"});
            return;
        }
        try {
            trust_timestamp(bytes_of(text), imprint, trust_.authorities, paths_.chain);
            findings_.checked.push_back("time-stamp by the trusted authority " + token.authority);
        } catch (const Error& error) {
            if (error.code() == ExitCode::usage) throw;
            findings_.not_checked.push_back({"the time of the signature", error.what()});
        }
    }

    const fs::path& file_;
    const SealPaths paths_;
    const TrustOptions& trust_;
    VerifyFindings& findings_;
};

// The SHA-256 of line `number` (from 1), without its newline; nothing when there is none.
std::optional<std::string> digest_of_line(const fs::path& log, uint64_t number) {
    std::ifstream in(log, std::ios::binary);
    std::string line;
    for (uint64_t i = 0; i < number; ++i)
        if (!std::getline(in, line) || line.size() > 1024 * 1024) return {};
    return to_hex(sha256(bytes_of(line)));
}

class CustodyCheck {
public:
    CustodyCheck(const Companions& files, const TrustOptions& trust, VerifyFindings& findings)
        : files_(files), trust_(trust), findings_(findings) {}

    void run() {
        if (!present(files_.custody)) {
            if (present(files_.custody_head))
                findings_.file_damage(files_.custody, "is missing, though its head was sealed");
            return;
        }
        try {
            check(check_log(files_.custody, {"start"}));
        } catch (const Error& error) {
            if (error.code() == ExitCode::usage) throw;
            findings_.file_damage(files_.custody, error.what());
        }
    }

private:
    void check(const LogCheck& log) {
        if (log.broken_at || log.torn)
            return findings_.file_damage(
                files_.custody, (log.broken_at ? "line " + std::to_string(*log.broken_at) + ": " : "") + log.why);
        manifest_ = to_hex(sha256_of_file(files_.manifest, ExitCode::altered));
        const auto bound = log.lines.empty() ? std::nullopt : log_string(log.lines.front(), "manifest_sha256");
        if (log.lines.size() != 1 || log.lines.front().number != 1 || bound != manifest_)
            return findings_.file_damage(files_.custody, "does not begin with this manifest's SHA-256");
        findings_.checked.push_back("custody log, " + std::to_string(log.entries) + " entries");
        const uint64_t sealed = present(files_.custody_head) ? check_head(log) : 0;
        if (sealed < log.entries)
            findings_.not_checked.push_back(
                {"the custody log's end", "nothing seals it beyond entry " + std::to_string(sealed) +
                                              ": later lines could be cut off unseen (kanshiki seal --custody)"});
    }

    // Up to which entry cutting off is seen.
    uint64_t check_head(const LogCheck& log) {
        CustodyHead head;
        try {
            head = parse_custody_head(read_file(files_.custody_head, 4096, ExitCode::altered),
                                      name_of(files_.custody_head));
        } catch (const Error& error) {
            findings_.file_damage(files_.custody_head, error.what());
            return 0;
        }
        // First whether the head itself is what was sealed: else it would accuse the log.
        const bool seal_present = present(SealPaths::of(files_.custody_head).signature);
        const bool damaged_before = findings_.damaged();
        const bool trusted = seal_present && SealCheck(files_.custody_head, trust_, findings_).run();
        if (!damaged_before && findings_.damaged()) return 0;
        if (head.manifest_sha256 != manifest_) {
            findings_.file_damage(files_.custody_head, "is of another manifest");
        } else if (head.entries > log.entries) {
            findings_.file_damage(files_.custody, "has " + std::to_string(log.entries) + " entries; " +
                                                      std::to_string(head.entries) +
                                                      " were sealed: lines were cut off its end");
        } else if (digest_of_line(files_.custody, head.entries) != head.head) {
            findings_.file_damage(files_.custody,
                                  "its entry " + std::to_string(head.entries) + " is not the one sealed");
        } else if (!seal_present) {
            findings_.not_checked.push_back({"the custody log's head", "its signature is missing"});
        } else if (trusted) {
            return head.entries;
        }
        return 0;
    }

    const Companions& files_;
    const TrustOptions& trust_;
    VerifyFindings& findings_;
    std::string manifest_;
};

} // namespace

bool check_authenticity(const Companions& files, const TrustOptions& trust, VerifyFindings& findings) {
    if (!present(files.manifest)) return false;
    const SealPaths seal = SealPaths::of(files.manifest);
    bool trusted = false;
    if (present(seal.signature))
        trusted = SealCheck(files.manifest, trust, findings).run();
    else if (present(seal.timestamp) || present(seal.key))
        findings.file_damage(seal.signature, "is missing, though what belongs to it is there");
    else if (!trust.keys.empty())
        findings.not_checked.push_back({"who signed the manifest", name_of(seal.signature) + " is missing"});
    CustodyCheck(files, trust, findings).run();
    return trusted;
}

} // namespace kanshiki
