// GUID partition tables, UEFI specification 2.10, section 5.3: header at sector 1, a copy at the last sector.

#include "analyze/filesystem/bytes.h"
#include "analyze/volume/partition.h"

#include <algorithm>
#include <cstring>
#include <zlib.h>

namespace kanshiki::volume {
namespace {

constexpr uint64_t largest_array = 1024 * 1024; // 128 entries take 16 KiB

struct Header {
    bool present = false, sound = false; // sound: both checksums and its own place are right
    std::string fault;
    uint64_t sector = 0, alternate = 0;
    uint32_t array_checksum = 0;
    std::vector<std::byte> array;
    uint32_t entry_size = 0, entries = 0;
};

uint32_t checksum(std::span<const std::byte> bytes) {
    return static_cast<uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

void read_array(const Disk& disk, std::span<const std::byte> bytes, Header& header) {
    const uint64_t at = le64(bytes, 0x48);
    header.entries = le32(bytes, 0x50);
    header.entry_size = le32(bytes, 0x54);
    header.array_checksum = le32(bytes, 0x58);
    if (header.entry_size < 128 || header.entry_size > 4096 || header.entry_size % 8 != 0) {
        header.fault = "entries of " + std::to_string(header.entry_size) + " bytes";
        header.entries = 0;
        return;
    }
    uint64_t size = uint64_t{header.entries} * header.entry_size;
    if (size > largest_array) {
        header.fault = std::to_string(header.entries) + " entries; only the first MiB of them is read";
        header.entries = static_cast<uint32_t>(largest_array / header.entry_size);
        size = uint64_t{header.entries} * header.entry_size;
    }
    if (at > disk.size / disk.sector || size > disk.size - at * disk.sector) {
        header.fault = "its entries lie beyond the disk, at sector " + std::to_string(at);
        header.entries = 0;
        return;
    }
    if (size == 0) return;
    header.array.resize(static_cast<size_t>(size));
    disk.read(at * disk.sector, header.array);
    if (header.fault.empty() && checksum(header.array) != header.array_checksum)
        header.fault = "the checksum of its entries is wrong";
}

Header read_header(const Disk& disk, uint64_t sector) {
    Header header;
    header.sector = sector;
    std::vector<std::byte> bytes(disk.sector);
    if (disk.size / disk.sector <= sector) return header;
    disk.read(sector * disk.sector, bytes);
    if (std::memcmp(bytes.data(), "EFI PART", 8) != 0) return header;
    header.present = true;
    header.alternate = le64(bytes, 0x20);
    const uint32_t size = le32(bytes, 0xc), stored = le32(bytes, 0x10);
    if (size < 92 || size > bytes.size())
        header.fault = "header of " + std::to_string(size) + " bytes";
    else {
        std::fill_n(bytes.begin() + 0x10, 4, std::byte{0});
        if (checksum(std::span(bytes).first(size)) != stored)
            header.fault = "the checksum of its header is wrong";
        else if (le64(bytes, 0x18) != sector)
            header.fault = "it says it stands at sector " + std::to_string(le64(bytes, 0x18));
    }
    const bool header_sound = header.fault.empty();
    read_array(disk, bytes, header);
    header.sound = header_sound && header.fault.empty();
    return header;
}

void append_utf8(std::string& out, uint32_t code) {
    if (code < 0x80)
        out += static_cast<char>(code);
    else if (code < 0x800) {
        out += static_cast<char>(0xc0 | code >> 6);
        out += static_cast<char>(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        out += static_cast<char>(0xe0 | code >> 12);
        out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
        out += static_cast<char>(0x80 | (code & 0x3f));
    } else {
        out += static_cast<char>(0xf0 | code >> 18);
        out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
        out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
        out += static_cast<char>(0x80 | (code & 0x3f));
    }
}

std::string utf16_text(std::span<const std::byte> bytes) {
    std::string text;
    for (size_t at = 0; at + 2 <= bytes.size(); at += 2) {
        uint32_t code = le16(bytes, at);
        if (code == 0) break;
        if (code >= 0xd800 && code < 0xdc00 && at + 4 <= bytes.size()) {
            const uint32_t low = le16(bytes, at + 2);
            if (low >= 0xdc00 && low < 0xe000) {
                code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                at += 2;
            }
        }
        append_utf8(text, code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
    }
    return text;
}

std::string guid_text(std::span<const std::byte> bytes) {
    char text[40];
    snprintf(text, sizeof text, "%08X-%04X-%04X-%02X%02X-", le32(bytes, 0), le16(bytes, 4), le16(bytes, 6),
             static_cast<unsigned>(bytes[8]), static_cast<unsigned>(bytes[9]));
    std::string guid = text;
    for (size_t at = 10; at < 16; at++) {
        snprintf(text, sizeof text, "%02X", static_cast<unsigned>(bytes[at]));
        guid += text;
    }
    return guid;
}

std::string type_name(const std::string& guid) {
    static constexpr std::pair<std::string_view, std::string_view> names[] = {
        {"C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "EFI system"},
        {"21686148-6449-6E6F-744E-656564454649", "BIOS boot"},
        {"0FC63DAF-8483-4772-8E79-3D69D8477DE4", "Linux"},
        {"4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709", "Linux root (x86-64)"},
        {"B921B045-1DF0-41C3-AF44-4C6F280D3FAE", "Linux root (ARM64)"},
        {"BC13C2FF-59E6-4262-A352-B275FD6F7172", "Linux extended boot"},
        {"933AC7E1-2EB4-4F13-B844-0E14E2AEF915", "Linux home"},
        {"0657FD6D-A4AB-43C4-84E5-0933C84B4F4F", "Linux swap"},
        {"E6D6D379-F507-44C2-A23C-238F2A3DF928", "Linux LVM"},
        {"A19D880F-05FC-4D3B-A006-743F0F84911E", "Linux RAID"},
        {"CA7D7CCB-63ED-4C53-861C-1742536059CC", "LUKS"},
        {"EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", "Microsoft basic data"},
        {"E3C9E316-0B5C-4DB8-817D-F92DF00215AE", "Microsoft reserved"},
        {"DE94BBA4-06D1-4D40-A16A-BFD50179D6AC", "Windows recovery"},
        {"48465300-0000-11AA-AA11-00306543ECAC", "Apple HFS+"},
        {"9D275380-40AD-11DB-BF97-000C2911D1B8", "PReP boot"},
    };
    for (const auto& [known, name] : names)
        if (known == guid) return std::string(name);
    return "type " + guid;
}

void add_partitions(const Header& header, Table& table) {
    for (uint32_t index = 0; index < header.entries; index++) {
        const auto entry = std::span(header.array).subspan(size_t{index} * header.entry_size, 128);
        if (std::ranges::all_of(entry.first(16), [](std::byte byte) { return byte == std::byte{0}; })) continue;
        const uint64_t first = le64(entry, 32), last = le64(entry, 40);
        const std::string number = "partition " + std::to_string(index + 1);
        if (first == 0 || last < first || last == UINT64_MAX) {
            table.notices.push_back(number + ": from sector " + std::to_string(first) + " to " + std::to_string(last) +
                                    " makes no sense; left out");
            continue;
        }
        std::string description = type_name(guid_text(entry.first(16)));
        const std::string name = utf16_text(entry.subspan(56, 72));
        if (!name.empty()) description += ", \"" + name + "\"";
        table.partitions.push_back({index + 1, first, last - first + 1, std::move(description)});
    }
}

} // namespace

std::optional<Table> read_gpt(const Disk& disk) {
    const Header primary = read_header(disk, 1);
    const uint64_t sectors = disk.size / disk.sector;
    Header backup;
    if (primary.sound && primary.alternate > 1) backup = read_header(disk, primary.alternate);
    if (!backup.present && sectors > 2) backup = read_header(disk, sectors - 1);
    if (!primary.present && !backup.present) return std::nullopt;

    Table table;
    table.scheme = "gpt";
    table.sector = disk.sector;
    const std::string fault = !primary.present ? "is missing" : "is damaged (" + primary.fault + ")";
    if (primary.sound) {
        if (!backup.present)
            table.notices.push_back("GPT: there is no backup table");
        else if (!backup.sound)
            table.notices.push_back("GPT: the backup table is damaged (" + backup.fault + ")");
        else if (backup.array != primary.array)
            table.notices.push_back("GPT: primary and backup table differ; the primary is used");
        add_partitions(primary, table);
    } else if (backup.sound) {
        table.notices.push_back("GPT: the primary table " + fault + "; the backup at sector " +
                                std::to_string(backup.sector) + " is used");
        add_partitions(backup, table);
    } else if (primary.present && primary.entries > 0) {
        table.notices.push_back("GPT: the primary table " + fault +
                                " and no backup is sound; its entries are used as they stand");
        add_partitions(primary, table);
    } else {
        table.notices.push_back("GPT: neither table can be used: the primary " + fault);
        if (backup.present) add_partitions(backup, table);
    }
    return table;
}

} // namespace kanshiki::volume
