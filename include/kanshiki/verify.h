#pragma once
// Checks an image against whatever stands beside it, and says in one word what that proves (docs/verify.md).

#include "kanshiki/events.h"
#include "kanshiki/manifest.h"

namespace kanshiki {

// Known to be right from elsewhere: nothing that lies beside the evidence.
struct TrustOptions {
    std::vector<std::filesystem::path> keys;        // public keys or certificates of who signs
    std::vector<std::filesystem::path> authorities; // certificates (PEM) of time-stamp authorities
};

struct VerifyOptions {
    std::filesystem::path image;
    std::optional<Digest> expect_root; // known from elsewhere: makes it authentic
    TrustOptions trust;
    unsigned threads = 0; // 0: one per core
};

enum class Verdict {
    authentic,       // the root is the one expected, or a trusted key signed the manifest, and nothing contradicts it
    consistent_only, // the files agree with each other: whoever rewrote them all could have made them so
    altered,
};
std::string_view verdict_name(Verdict verdict); // "authentic" "consistent only" "altered"

struct Damage {
    std::string file;           // its name without folder: the image or a companion
    std::optional<Range> range; // bytes of the image (of what it decodes to), where that can be said
    std::string what;
};

struct NotChecked {
    std::string what, why;
};

// The source as it is now, beside what was imaged.
struct SourceComparison {
    std::string uri;
    uint64_t size = 0;            // bytes it has now
    std::vector<Range> differing; // whole chunks, neighbours merged
    uint64_t missing_chunks = 0;  // that the image has beyond its end
    uint64_t unreadable = 0;      // bytes
    bool same() const { return differing.empty() && missing_chunks == 0; }
};

struct VerifyResult {
    Verdict verdict = Verdict::altered;
    uint64_t size = 0, chunks = 0;    // of the image as read
    std::optional<Digest> root;       // of the image as read
    std::optional<Manifest> manifest; // if it can be read
    std::vector<std::string> checked;
    std::vector<NotChecked> not_checked;
    std::vector<Damage> damage;     // the image's ranges first, ascending, neighbours merged
    std::vector<std::string> notes; // no damage, but a reader should know
};

// Damage of any kind is data. Throws Error: usage (no such file, not an image's name), source_lost (only IMAGE.partial
// is there: not finished), refused (may not be read), never_valid (nothing of ours to check against), interrupted.
VerifyResult verify_image(const VerifyOptions& options, Events& events, std::stop_token stop);

} // namespace kanshiki
