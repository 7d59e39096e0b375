// The evidence formats. A new one is its own file and one line here.
#include "acquire/evidence/formats.h"

#include <array>

namespace kanshiki {

bool Encoder::keep(std::vector<std::byte>&, size_t, Encoded&) { return false; }
namespace {

const std::array<EvidenceFormat, 7> table{{
    {"raw", {".img", ".raw", ".dd"}, {}, create_raw, resume_raw, open_raw, salvage_raw},
    {"zst", {".img.zst"}, {}, create_zst, resume_zst, open_zst, salvage_zst},
    {"e01", {".E01", ".e01"}, {DigestAlgorithm::md5}, create_e01, resume_e01, open_e01, salvage_e01},
    {"split raw", {".001", ".000"}, {}, create_split, resume_split, open_split, salvage_split},
    {"qcow2", {".qcow2", ".qcow"}, {}, nullptr, nullptr, open_qcow, nullptr},
    {"vmdk", {".vmdk"}, {}, nullptr, nullptr, open_vmdk, nullptr},
    {"vhd", {".vhd", ".vhdx"}, {}, nullptr, nullptr, open_vhd, nullptr},
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
            if (format.create) out += (out.empty() ? "" : " ") + std::string(extension);
    return out;
}

} // namespace kanshiki
