#pragma once
// Physical volumes written by hand, byte by byte, for what LVM2's tools would never write.

#include "analyze/volume/lvm/physical_volume.h"

#include <string>
#include <vector>

namespace kanshiki::test {

inline void put(std::string& bytes, size_t at, uint64_t value, size_t size) {
    for (size_t index = 0; index < size; index++) bytes[at + index] = static_cast<char>(value >> 8 * index);
}

inline uint32_t lvm_sum(const std::string& bytes, size_t at, size_t size) {
    return lvm::checksum(std::as_bytes(std::span(bytes)).subspan(at, size));
}

// 32 characters, and the same as the metadata's text has it.
inline std::string pv_uuid(unsigned number) { return std::string(31, 'u') + static_cast<char>('0' + number); }
inline std::string dashed(const std::string& uuid) {
    std::string out = uuid;
    for (const size_t at : {26u, 22u, 18u, 14u, 10u, 6u}) out.insert(at, "-");
    return out;
}

constexpr size_t area_at = 4096, area_size = 64 * 1024, data_at = 128 * 1024, extent = 64 * 1024;

// A label in sector 1, a metadata area at 4 KiB, extents of 64 KiB from 128 KiB on.
class LvmDisk {
public:
    LvmDisk(unsigned number, unsigned extents) : bytes(data_at + extents * extent, '\0') {
        bytes.replace(512, 8, "LABELONE");
        put(bytes, 512 + 8, 1, 8);
        put(bytes, 512 + 20, 32, 4);
        bytes.replace(512 + 24, 8, "LVM2 001");
        bytes.replace(544, 32, pv_uuid(number));
        put(bytes, 544 + 32, bytes.size(), 8);
        put(bytes, 544 + 40, data_at, 8);
        put(bytes, 544 + 72, area_at, 8);
        put(bytes, 544 + 80, area_size, 8);
        seal_label();
    }

    // `offset`: in the metadata area, a ring.
    LvmDisk& metadata(const std::string& text, uint64_t offset = 512) {
        bytes.replace(area_at + 4, 16, " LVM2 x[5A%r0N*>");
        put(bytes, area_at + 20, 1, 4);
        put(bytes, area_at + 24, area_at, 8);
        put(bytes, area_at + 32, area_size, 8);
        put(bytes, area_at + 40, offset, 8);
        put(bytes, area_at + 48, text.size(), 8);
        put(bytes, area_at + 56, lvm_sum(text, 0, text.size()), 4);
        const bool fits = text.size() < area_size && offset <= area_size; // else only the header says so
        for (size_t index = 0; index < text.size() && fits; index++) {
            size_t at = offset + index;
            if (at >= area_size) at = at - area_size + 512;
            bytes[area_at + at] = text[index];
        }
        seal_area();
        return *this;
    }
    void seal_label() { put(bytes, 512 + 16, lvm_sum(bytes, 512 + 20, 492), 4); }
    void seal_area() { put(bytes, area_at, lvm_sum(bytes, area_at + 4, 508), 4); }

    // Each extent filled with one letter.
    LvmDisk& fill(char first) {
        for (size_t at = data_at; at < bytes.size(); at++)
            bytes[at] = static_cast<char>(first + static_cast<char>((at - data_at) / extent));
        return *this;
    }

    std::string bytes;
};

// physical: how many extents each has, pv0 …; logical: the inside of logical_volumes.
inline std::string group_text(const std::vector<unsigned>& physical, const std::string& logical, unsigned sequence = 1,
                              const std::string& name = "vg") {
    std::string out = "# made by a test\ncontents = \"Text Format Volume Group\"\nversion = 1\n" + name +
                      " {\nid = \"" + name + "-id\"\nseqno = " + std::to_string(sequence) +
                      "\nformat = \"lvm2\"\nstatus = [\"RESIZEABLE\"]\nextent_size = 128\nphysical_volumes {\n";
    for (unsigned index = 0; index < physical.size(); index++)
        out += "pv" + std::to_string(index) + " {\nid = \"" + dashed(pv_uuid(index)) +
               "\"\ndevice = \"/dev/\\\"odd\\\\\"\npe_start = 256\npe_count = " + std::to_string(physical[index]) +
               "\n}\n";
    return out + "}\nlogical_volumes {\n" + logical + "}\n}\n";
}

inline std::string segment_text(unsigned number, uint64_t start, uint64_t count, const std::string& rest) {
    return "segment" + std::to_string(number) + " {\nstart_extent = " + std::to_string(start) +
           "\nextent_count = " + std::to_string(count) + "\n" + rest + "\n}\n";
}

inline std::string volume_text(const std::string& name, const std::vector<std::string>& segments,
                               const char* status = "\"VISIBLE\", \"READ\"") {
    std::string out =
        name + " {\nid = \"x\"\nstatus = [" + status + "]\nsegment_count = " + std::to_string(segments.size()) + "\n";
    for (const std::string& each : segments) out += each;
    return out + "}\n";
}

inline std::string linear(unsigned number, uint64_t start, uint64_t count, const std::string& on, uint64_t at) {
    return segment_text(number, start, count,
                        "type = \"striped\"\nstripe_count = 1\nstripes = [\n\"" + on + "\", " + std::to_string(at) +
                            "\n]");
}

} // namespace kanshiki::test
