// What may lie in a volume that no reader here knows: its signature, from each format's own documentation.

#include "analyze/filesystem/volume_reader.h"
#include "kanshiki/error.h"
#include "kanshiki/file_system.h"

#include <cstring>

namespace kanshiki {
namespace {

using namespace std::string_view_literals;

struct Signature {
    uint64_t offset;
    std::string_view bytes;
    std::string_view what;
};

constexpr Signature signatures[] = {
    {0, "LUKS\xba\xbe"sv, "LUKS encrypted volume"},
    {3, "-FVE-FS-"sv, "BitLocker encrypted volume"},
    {512, "LABELONE"sv, "LVM2 physical volume"}, // may stand in any of the first four sectors
    {0, "LABELONE"sv, "LVM2 physical volume"},
    {1024, "LABELONE"sv, "LVM2 physical volume"},
    {1536, "LABELONE"sv, "LVM2 physical volume"},
    {0, "XFSB"sv, "XFS"},
    {0x10040, "_BHRfS_M"sv, "Btrfs"},
    {4096 - 10, "SWAPSPACE2"sv, "Linux swap"},
    {8192 - 10, "SWAPSPACE2"sv, "Linux swap"},
    {16384 - 10, "SWAPSPACE2"sv, "Linux swap"},
    {65536 - 10, "SWAPSPACE2"sv, "Linux swap"},
    {4096 - 10, "S1SUSPEND"sv, "Linux swap with a hibernated system"},
    {4096, "\xfc\x4e\x2b\xa9"sv, "Linux software RAID member"},
    {0, "\xfc\x4e\x2b\xa9"sv, "Linux software RAID member"},
    {0, "hsqs"sv, "SquashFS"},
    {1024, "\x10\x20\xf5\xf2"sv, "F2FS"},
    {1024, "\xe2\xe1\xf5\xe0"sv, "EROFS"},
    {32768, "JFS1"sv, "JFS"},
    {65536 + 52, "ReIsEr"sv, "ReiserFS"},
    {32, "NXSB"sv, "APFS container"},
    {3, "ReFS\0\0\0\0"sv, "ReFS"},
    {4096 + 24, "\xc6\x85\x73\xf6\x4e\x1a\x45\xca"sv, "bcachefs or bcache"},
    {0x1018, "\xc6\x85\x73\xf6\x4e\x1a\x45\xca"sv, "bcache"},
    {131072, "\x0c\xb1\xba\0\0\0\0\0"sv, "ZFS"},
    {0, "QFI\xfb"sv, "qcow2 disk image"},
    {0, "KDMV"sv, "VMDK disk image"},
    {0, "EVF\x09\x0d\x0a\xff\0"sv, "EWF (E01) image"},
    {0, "\x28\xb5\x2f\xfd"sv, "zstd-compressed data"},
    {0, "\x1f\x8b"sv, "gzip-compressed data"},
};

} // namespace

std::string recognise_content(BlockSource& source, Range range, std::stop_token stop) {
    VolumeReader reader(source, range, std::move(stop));
    for (const Signature& each : signatures) {
        std::byte bytes[16];
        const auto part = std::span(bytes).first(each.bytes.size());
        if (reader.size() < each.offset || reader.size() - each.offset < part.size()) continue;
        reader.read(each.offset, part);
        if (std::memcmp(part.data(), each.bytes.data(), part.size()) == 0) return std::string(each.what);
    }
    return {};
}

} // namespace kanshiki
