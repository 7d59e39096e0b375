#include "acquire/verify/segment_files.h"

#include "acquire/evidence/segments.h"
#include "kanshiki/checksum_list.h"
#include "kanshiki/escape.h"
#include "kanshiki/evidence_sink.h"

namespace kanshiki {
namespace {

namespace fs = std::filesystem;

// Whether the file is as it was written.
bool check_file(const SegmentFile& segment, VerifyFindings& findings, bool content_damaged) {
    std::error_code error;
    const uint64_t size = fs::file_size(segment.path, error);
    if (error) {
        findings.file_damage(segment.path, "is missing");
        return false;
    }
    if (segment.size && size != *segment.size) {
        findings.file_damage(segment.path, "has " + std::to_string(size) + " bytes; the manifest binds " +
                                               std::to_string(*segment.size));
        return false;
    }
    if (!segment.bound && !segment.listed) return true;
    if ((!segment.bound || segment.is == segment.bound) && (!segment.listed || segment.is == segment.listed))
        return true;
    if (!content_damaged)
        findings.file_damage(segment.path,
                             "the file's own SHA-256 differs from the one " +
                                 std::string(segment.bound && segment.is != segment.bound ? "the manifest binds"
                                                                                          : "in the checksum list"));
    return false;
}

} // namespace

std::vector<SegmentFile> later_segments(const fs::path& image, const Manifest* manifest) {
    std::vector<SegmentFile> out;
    if (!is_segmented(image)) return out;
    if (!manifest) {
        const std::vector<fs::path> there = image_files(image);
        for (size_t i = 1; i < there.size(); ++i)
            out.push_back({there[i], to_utf8_lossless(there[i].filename().string())});
        return out;
    }
    uint32_t number = 0;
    for (const ManifestFile& file : manifest->files)
        if (file.role == "image" && ++number > 1 && number <= most_segments(image))
            out.push_back({segment_path(image, number), file.name, file.size, file.sha256});
    return out;
}

void digest_segments(std::vector<SegmentFile>& segments) {
    std::error_code ignored;
    for (SegmentFile& segment : segments)
        if ((segment.bound || segment.listed) && fs::exists(segment.path, ignored))
            segment.is = sha256_of_file(segment.path, ExitCode::altered);
}

void check_segments(const std::vector<SegmentFile>& segments, VerifyFindings& findings, bool content_damaged) {
    size_t digests = 0;
    bool good = true;
    for (const SegmentFile& segment : segments) {
        good &= check_file(segment, findings, content_damaged);
        digests += segment.bound || segment.listed;
    }
    if (good && digests > 0) findings.checked.push_back("SHA-256 of " + std::to_string(digests) + " more segments");
}

} // namespace kanshiki
