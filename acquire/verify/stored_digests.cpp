#include "acquire/verify/stored_digests.h"

#include "acquire/evidence/e01_reader.h"

namespace kanshiki {

StoredDigests stored_digests(const BlockSource& image) {
    StoredDigests out;
    for (const auto& [name, value] : image.info().identity)
        if (name == stored_md5)
            out[DigestAlgorithm::md5] = value;
        else if (name == stored_sha1)
            out[DigestAlgorithm::sha1] = value;
    return out;
}

bool carries_digests(const EvidenceFormat& format, const std::filesystem::path& image) {
    if (format.digests.empty()) return false;
    const auto followed = format.salvage(image, ~uint64_t{0});
    if (*followed->info().size == 0) format.open(image); // says why
    return !stored_digests(*followed).empty();
}

void judge_stored_digests(const StoredDigests& stored, const PipelineResult& read, bool root_is_right,
                          const std::filesystem::path& image, VerifyFindings& findings) {
    for (const auto& [algorithm, hex] : stored) {
        const std::string what = std::string(digest_name(algorithm)) + " stored in the image";
        if (to_hex(read.digests.at(algorithm)) == hex)
            findings.checked.push_back(what);
        else if (!findings.image_damaged() && root_is_right)
            findings.file_damage(image, "the " + what + " is not that of its content, whose root is right");
        else if (!findings.image_damaged())
            findings.whole_image_damage(image, read.size, "the " + what + " is not that of its content");
    }
}

} // namespace kanshiki
