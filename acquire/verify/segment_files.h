#pragma once
// The segments of an image behind its first: each a file of its own, which manifest and checksum list bind.

#include "acquire/verify/findings.h"

namespace kanshiki {

struct SegmentFile {
    std::filesystem::path path;              // as it is named here
    std::string name;                        // as it was named when it was acquired
    std::optional<uint64_t> size{};          // as the manifest binds it
    std::optional<Digest> bound{}, listed{}; // by the manifest, by IMAGE.sha256
    std::optional<Digest> is{};              // of the file as it lies there
};

// From the manifest, or, where there is none, from what is there.
std::vector<SegmentFile> later_segments(const std::filesystem::path& image, const Manifest* manifest);

// Reads each of them whole that something binds. Beside the reading of the image: it takes as long as that.
void digest_segments(std::vector<SegmentFile>& segments);

// After digest_segments. Where the image's content is known as damaged, a digest that differs says nothing new.
void check_segments(const std::vector<SegmentFile>& segments, VerifyFindings& findings, bool content_damaged);

} // namespace kanshiki
