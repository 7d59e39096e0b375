#include "analyze/filesystem/btrfs/file_content.h"

#include "analyze/filesystem/btrfs/decompress.h"
#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki::btrfs {
namespace {

constexpr size_t most_extents = size_t{4} << 20;

[[noreturn]] void fail(const std::string& whose, const std::string& what) {
    throw Error(ExitCode::never_valid, whose + ": " + what);
}

} // namespace

// Every extent that overlaps [from, end), in order.
void FileContent::scan(const File& file, uint64_t from, uint64_t end, const Visit& visit) {
    if (from >= end) return;
    const Key first{file.objectid, type::extent_data, 0}, wanted{file.objectid, type::extent_data, from};
    const auto before = from == 0 ? std::nullopt : trees_.find_last(file.tree, first, wanted);
    uint64_t next = 0;
    trees_.scan(file.tree, before ? before->key : wanted, {file.objectid, type::extent_data, end - 1},
                [&](const Item& item) {
                    FileExtentItem extent;
                    try {
                        extent = parse_file_extent(item.key, item.data);
                    } catch (const Error& error) {
                        fail(file.whose, "at byte " + std::to_string(item.key.offset) + ": " + error.what());
                    }
                    if (extent.logical < next)
                        fail(file.whose, "extents overlap at byte " + std::to_string(extent.logical));
                    next = extent.end();
                    if (next > from) visit(extent);
                    return true;
                });
}

std::vector<FileSystem::FileExtent> FileContent::extents(const File& file, uint64_t start) {
    std::vector<FileSystem::FileExtent> out;
    const auto place = [&](uint64_t address, uint64_t size) {
        Place found = chunks_.place(address, size);
        if (found.copies.empty())
            fail(file.whose, "a part lies on device " + std::to_string(found.absent.front()) + ", which is not here");
        return std::pair(start + found.copies.front(), found.size);
    };
    scan(file, 0, last_offset, [&](const FileExtentItem& extent) {
        if (extent.in_item || extent.address == 0 || extent.size == 0) return;
        if (out.size() >= most_extents) fail(file.whose, "has more than 4 Mi extents");
        if (extent.encoded()) {
            const auto [offset, size] = place(extent.address, extent.disk_size);
            if (size < extent.disk_size) fail(file.whose, "a compressed extent leaves its chunk");
            out.push_back({extent.logical, {offset, size}, extent.prealloc, extent.size});
            return;
        }
        for (uint64_t done = 0; done < extent.size;) {
            const auto [offset, size] = place(extent.address + extent.offset + done, extent.size - done);
            const uint64_t logical = extent.logical + done;
            done += size;
            if (!out.empty() && out.back().encoded == 0 && out.back().sparse == extent.prealloc &&
                out.back().range.end() == offset && out.back().logical + out.back().range.size == logical)
                out.back().range.size += size;
            else
                out.push_back({logical, {offset, size}, extent.prealloc});
        }
    });
    return out;
}

// Sectors are checked whole, and `into` need not be any.
uint64_t FileContent::read_plain(const File& file, uint64_t address, std::span<std::byte> into) {
    const uint64_t sector = super_.sector_size;
    uint64_t wrong = 0;
    std::vector<std::byte> scratch(sector);
    const auto partial = [&](size_t from, size_t size) {
        wrong += data_.read(file.checksums, file.whose, address - from, scratch);
        std::ranges::copy(std::span(scratch).subspan(from, size), into.begin());
        address += size;
        into = into.subspan(size);
    };
    if (const uint64_t from = address % sector; from != 0 && !into.empty())
        partial(from, std::min<uint64_t>(into.size(), sector - from));
    if (const uint64_t whole = into.size() - into.size() % sector; whole > 0) {
        wrong += data_.read(file.checksums, file.whose, address, into.first(whole));
        address += whole;
        into = into.subspan(whole);
    }
    if (!into.empty()) partial(0, into.size());
    return wrong;
}

void FileContent::decode(const File& file, const FileExtentItem& extent, std::span<const std::byte> bytes) {
    if (extent.decoded > longest_encoded)
        fail(file.whose, "a compressed extent of " + std::to_string(extent.decoded) + " bytes");
    last_.address = 0; // until it is complete
    last_.bytes.assign(extent.decoded, std::byte{0});
    size_t got = 0;
    try {
        got = decompress(extent.compression, bytes, super_.sector_size, last_.bytes);
    } catch (const Error& error) {
        fail(file.whose, "at byte " + std::to_string(extent.logical) + ": " + error.what());
    }
    // The kernel shows zeros there too.
    if (got < extent.offset + extent.size &&
        extent.logical + (got - std::min<uint64_t>(got, extent.offset)) < file.size)
        warnings_.add(file.whose + ": the compressed extent at byte " + std::to_string(extent.logical) + " gives " +
                      std::to_string(got) + " of " + std::to_string(extent.decoded) +
                      " bytes; the rest reads as zeros");
}

// `at`: offset in what the extent decodes to.
uint64_t FileContent::read_encoded(const File& file, const FileExtentItem& extent, uint64_t at,
                                   std::span<std::byte> into) {
    uint64_t wrong = 0;
    const bool known = !extent.in_item && last_.address == extent.address && last_.disk_size == extent.disk_size &&
                       last_.decoded == extent.decoded && last_.compression == extent.compression &&
                       last_.checked == (file.checksums != nullptr);
    if (extent.in_item) {
        decode(file, extent, extent.data);
    } else if (!known) {
        const uint64_t sector = super_.sector_size;
        if (extent.disk_size > longest_encoded || extent.disk_size % sector != 0)
            fail(file.whose, "a compressed extent of " + std::to_string(extent.disk_size) + " bytes on disk");
        std::vector<std::byte> bytes(extent.disk_size);
        wrong = data_.read(file.checksums, file.whose, extent.address, bytes);
        decode(file, extent, bytes);
        if (wrong == 0) { // what was wrong is told again when it is read again
            last_.address = extent.address;
            last_.disk_size = extent.disk_size;
            last_.decoded = extent.decoded;
            last_.compression = extent.compression;
            last_.checked = file.checksums != nullptr;
        }
    }
    if (at > last_.bytes.size() || into.size() > last_.bytes.size() - at)
        fail(file.whose, "a compressed extent that is shorter than it says");
    std::ranges::copy(std::span(last_.bytes).subspan(at, into.size()), into.begin());
    return wrong;
}

uint64_t FileContent::read(const File& file, uint64_t offset, std::span<std::byte> into) {
    std::ranges::fill(into, std::byte{0});
    const uint64_t end = offset + into.size();
    uint64_t wrong = 0;
    scan(file, offset, end, [&](const FileExtentItem& extent) {
        if (extent.prealloc || (extent.address == 0 && !extent.in_item)) return;
        const uint64_t from = std::max(offset, extent.logical), to = std::min(end, extent.end());
        const auto part = into.subspan(from - offset, to - from);
        const uint64_t at = extent.offset + (from - extent.logical);
        if (extent.encoded())
            wrong += read_encoded(file, extent, at, part);
        else if (extent.in_item)
            std::ranges::copy(extent.data.subspan(at, part.size()), part.begin());
        else
            wrong += read_plain(file, extent.address + at, part);
    });
    return wrong;
}

} // namespace kanshiki::btrfs
