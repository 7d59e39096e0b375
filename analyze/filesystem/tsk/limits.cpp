#include "analyze/filesystem/tsk/limits.h"

#include "analyze/filesystem/bytes.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace kanshiki::tsk {
namespace {

constexpr size_t units_of_fifteen_entries = 15 * 13;
constexpr uint64_t iso_sector = 2048, primary_descriptor = 16 * iso_sector;
constexpr size_t root_record = 156;

// Rock Ridge lies in the System Use field of each record (SUSP, "SP" first in the root's own record).
bool has_rock_ridge(VolumeReader& reader) {
    std::array<std::byte, iso_sector> sector;
    if (reader.size() < primary_descriptor + sector.size()) return false;
    reader.read(primary_descriptor, sector, false);
    const uint64_t root = le32(sector, root_record + 2) * iso_sector;
    if (root > reader.size() || reader.size() - root < sector.size()) return false;
    reader.read(root, sector, false);
    const auto length = std::to_integer<size_t>(sector[0]);
    constexpr size_t system_use = 34; // of the record of "."
    return length >= system_use + 7 && std::memcmp(sector.data() + system_use, "SP", 2) == 0;
}

} // namespace

std::vector<std::string> limits_of(TSK_FS_TYPE_ENUM type, VolumeReader& reader) {
    if (type == TSK_FS_TYPE_EXFAT)
        return {"exFAT: times are told to 2 s; the 10 ms parts beside them are not read by libtsk"};
    if (TSK_FS_TYPE_ISISO9660(type) && has_rock_ridge(reader))
        return {
            "ISO 9660: Rock Ridge (long names, modes, owners, symbolic links) is there, but libtsk does not read it"};
    return {};
}

bool may_be_cut(TSK_FS_TYPE_ENUM type, std::string_view name) {
    if (!TSK_FS_TYPE_ISFAT(type) || type == TSK_FS_TYPE_EXFAT || name.size() < units_of_fifteen_entries) return false;
    size_t units = 0; // of UTF-16
    for (const char letter : name) {
        const auto byte = static_cast<unsigned char>(letter);
        if ((byte & 0xc0) != 0x80) units += byte >= 0xf0 ? 2 : 1;
    }
    return units >= units_of_fifteen_entries;
}

} // namespace kanshiki::tsk
