// The evidence formats. A new one is its own file and one line here.
#include "acquire/evidence/formats.h"

#include <array>

namespace kanshiki {

bool Encoder::keep(std::vector<std::byte>&, size_t, Encoded&) { return false; }
namespace {

const std::array<EvidenceFormat, 2> table{{
    {"raw", {".img", ".raw", ".dd"}, create_raw, resume_raw, open_raw, salvage_raw},
    {"zst", {".img.zst"}, create_zst, resume_zst, open_zst, salvage_zst},
}};

} // namespace

const EvidenceFormat* find_evidence_format(const std::filesystem::path& image) {
    const std::string name = image.filename().string();
    for (const EvidenceFormat& format : table)
        for (const std::string_view extension : format.extensions)
            if (name.size() > extension.size() && name.ends_with(extension)) return &format;
    return nullptr;
}

std::string evidence_extensions() {
    std::string out;
    for (const EvidenceFormat& format : table)
        for (const std::string_view extension : format.extensions)
            out += (out.empty() ? "" : " ") + std::string(extension);
    return out;
}

std::filesystem::path partial_path(const std::filesystem::path& image) { return image.string() + ".partial"; }

} // namespace kanshiki
