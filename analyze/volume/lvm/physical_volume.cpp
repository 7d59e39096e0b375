// lvm2's lib/label/label.c (label_header), lib/format_text/layout.h (pv_header, disk_locn, mda_header, raw_locn).

#include "analyze/volume/lvm/physical_volume.h"

#include "analyze/filesystem/bytes.h"

#include <algorithm>
#include <cstring>
#include <zlib.h>

namespace kanshiki::lvm {
namespace {

constexpr uint64_t sector = 512; // whatever the disk's
constexpr unsigned label_sectors = 4;
constexpr size_t header_size = 512;         // of a metadata area
constexpr uint64_t largest_text = 32 << 20; // metadata areas are of 1 MiB unless asked for otherwise
constexpr size_t most_areas = 16;
constexpr uint32_t ignored_copy = 1; // raw_locn.flags: left out of updates

using Bytes = std::vector<std::byte>;

bool has_text(std::span<const std::byte> bytes, size_t at, std::string_view text) {
    return bytes.size() >= at + text.size() && std::memcmp(bytes.data() + at, text.data(), text.size()) == 0;
}

struct Location {
    uint64_t offset = 0, size = 0;
};

// A list of disk_locn, ended by one of zeros; `at` moves behind it.
std::vector<Location> read_list(std::span<const std::byte> header, size_t& at) {
    std::vector<Location> out;
    while (at + 16 <= header.size()) {
        const Location each{le64(header, at), le64(header, at + 8)};
        at += 16;
        if (each.offset == 0 || out.size() == most_areas) break;
        out.push_back(each);
    }
    return out;
}

class Reader {
public:
    Reader(const volume::Disk& disk, PhysicalVolume& out) : disk_(disk), out_(out) {}

    // One metadata area: its header, and the text that the header's first raw_locn points to.
    void read_area(const Location& area) {
        const std::string name = "the metadata area at byte " + std::to_string(area.offset);
        if (area.size < 2 * header_size || area.offset > disk_.size || area.size > disk_.size - area.offset)
            return fault(name + " lies beyond the physical volume");
        Bytes header(header_size);
        disk_.read(area.offset, header);
        if (!has_text(header, 4, " LVM2 x[5A%r0N*>")) return fault(name + " has no header");
        if (checksum(std::span(header).subspan(4)) != le32(header, 0)) fault(name + ": wrong checksum of its header");
        const Location text{le64(header, 40), le64(header, 48)};
        if (text.offset == 0 || text.size == 0) return; // in no volume group
        if ((le32(header, 60) & ignored_copy) != 0) return;
        if (text.offset < header_size || text.offset >= area.size || text.size > area.size - header_size ||
            text.size > largest_text)
            return fault(name + ": its text of " + std::to_string(text.size) + " bytes at " +
                         std::to_string(text.offset) + " does not fit it");
        read_text(area, text, le32(header, 56), name);
    }

private:
    void fault(std::string what) { out_.faults.push_back(std::move(what)); }

    // The area is a ring behind its header: what does not fit at the end goes on at its start.
    void read_text(const Location& area, const Location& text, uint32_t stored, const std::string& name) {
        MetadataCopy copy;
        copy.text.resize(static_cast<size_t>(text.size));
        const auto bytes = std::as_writable_bytes(std::span(copy.text));
        const auto first = static_cast<size_t>(std::min(text.size, area.size - text.offset));
        disk_.read(area.offset + text.offset, bytes.first(first));
        if (first < bytes.size()) disk_.read(area.offset + header_size, bytes.subspan(first));
        copy.sound = checksum(bytes) == stored;
        if (!copy.sound) fault(name + ": wrong checksum of its text");
        out_.copies.push_back(std::move(copy));
    }

    const volume::Disk& disk_;
    PhysicalVolume& out_;
};

} // namespace

uint32_t checksum(std::span<const std::byte> bytes, uint32_t state) {
    return ~static_cast<uint32_t>(
        crc32(~state, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

std::optional<PhysicalVolume> read_physical_volume(const volume::Disk& disk) {
    Bytes label(sector);
    for (unsigned index = 0; index < label_sectors; index++) {
        if (disk.size < (index + 1) * sector) return {};
        disk.read(index * sector, label);
        if (!has_text(label, 0, "LABELONE") || !has_text(label, 24, "LVM2 001")) continue;
        PhysicalVolume out;
        if (checksum(std::span(label).subspan(20)) != le32(label, 16))
            out.faults.emplace_back("wrong checksum of the label");
        if (le64(label, 8) != index)
            out.faults.push_back("the label says it stands at sector " + std::to_string(le64(label, 8)));
        const uint32_t at = le32(label, 20);
        if (at < 32 || at > sector - 40) {
            out.faults.push_back("the label points to byte " + std::to_string(at) + " for its header");
            return out;
        }
        const auto header = std::span(label).subspan(at);
        out.uuid.assign(reinterpret_cast<const char*>(header.data()), 32);
        out.size = le64(header, 32);
        size_t list = 40;
        read_list(header, list); // where the data is: the metadata says that better
        Reader reader(disk, out);
        for (const Location& area : read_list(header, list)) reader.read_area(area);
        return out;
    }
    return {};
}

} // namespace kanshiki::lvm
