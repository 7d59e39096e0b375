#include "analyze/filesystem/btrfs/data_reader.h"

#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki::btrfs {
namespace {

constexpr uint64_t largest_piece = 1 << 20;

// Cuts `part` out of what could not be read.
void forget(std::vector<Bad>& bad, const Range& part) {
    std::vector<Bad> rest;
    for (const Bad& each : bad) {
        const uint64_t from = each.range.offset, end = each.range.end();
        if (from < std::min(end, part.offset)) rest.push_back({{from, std::min(end, part.offset) - from}, each.error});
        if (const uint64_t after = std::max(from, part.end()); after < end)
            rest.push_back({{after, end - after}, each.error});
    }
    bad = std::move(rest);
}

bool touches(const std::vector<Bad>& bad, const Range& part) {
    return std::ranges::any_of(
        bad, [&](const Bad& each) { return each.range.offset < part.end() && part.offset < each.range.end(); });
}

std::string sectors_text(uint64_t logical, uint64_t size) {
    return "logical bytes " + std::to_string(logical) + " to " + std::to_string(logical + size - 1);
}

} // namespace

// The checksums of successive sectors; not every sector need have one.
struct DataReader::Sums {
    ChecksumType type;
    size_t size = 0;
    std::vector<std::byte> bytes;
    std::vector<bool> present;

    bool hold(uint64_t index, std::span<const std::byte> sector) const {
        return present[index] && checksum_holds(type, sector, std::span(bytes).subspan(index * size, size));
    }
};

DataReader::Sums DataReader::fetch(const Tree& checksums, uint64_t logical, uint64_t count) {
    const uint64_t sector = super_.sector_size, end = logical + count * sector;
    Sums sums{super_.checksum, checksum_size(super_.checksum), {}, {}};
    sums.bytes.resize(count * sums.size);
    sums.present.resize(count);
    const Key first{id::extent_csum, type::extent_csum, 0}, wanted{id::extent_csum, type::extent_csum, logical};
    const auto before = trees_.find_last(checksums, first, wanted);
    const Key to{id::extent_csum, type::extent_csum, end - 1};
    trees_.scan(checksums, before ? before->key : wanted, to, [&](const Item& item) {
        const uint64_t held = item.data.size() / sums.size;
        for (uint64_t index = item.key.offset < logical ? (logical - item.key.offset) / sector : 0; index < held;
             index++) {
            const uint64_t address = item.key.offset + index * sector;
            if (address >= end) break;
            if (address < logical || (address - logical) % sector != 0) continue;
            const uint64_t at = (address - logical) / sector;
            std::ranges::copy(item.data.subspan(index * sums.size, sums.size),
                              sums.bytes.begin() + static_cast<std::ptrdiff_t>(at * sums.size));
            sums.present[at] = true;
        }
        return true;
    });
    return sums;
}

// Whether another copy of a sector has what the checksum asks for, or, without one, can be read at all.
bool DataReader::recover(const Sums& sums, uint64_t index, const Place& place, std::span<std::byte> sector,
                         std::vector<Bad>& bad) {
    std::vector<std::byte> other(sector.size());
    for (size_t copy = 1; copy < place.copies.size(); copy++) {
        reader_.read(place.copies[copy] + index * sector.size(), other);
        const bool readable = reader_.take_unreadable().empty();
        if (!(sums.present.empty() ? readable : sums.hold(index, other))) continue;
        std::ranges::copy(other, sector.begin());
        forget(bad, {reader_.volume().offset + place.copies[0] + index * sector.size(), sector.size()});
        return true;
    }
    return false;
}

uint64_t DataReader::read_piece(const Tree* checksums, const std::string& whose, uint64_t logical, const Place& place,
                                std::span<std::byte> into) {
    const uint64_t size = super_.sector_size, count = into.size() / size;
    std::ranges::move(reader_.take_unreadable(), std::back_inserter(unreadable_)); // what others have left there
    reader_.read_through(place.copies.front(), into);
    std::vector<Bad> bad = reader_.take_unreadable();
    Sums sums{super_.checksum, 0, {}, {}};
    uint64_t wrong = 0, missing = 0;
    try {
        if (checksums != nullptr) sums = fetch(*checksums, logical, count);
    } catch (const Error& error) {
        if (error.code() != ExitCode::never_valid) throw;
        warnings_.add(whose + ": its checksums cannot be read: " + error.what());
        checksums = nullptr;
        missing = count;
    }

    struct Run {
        const char* what;
        uint64_t from = 0, size = 0;
    } runs[] = {{"have a wrong checksum"}, {"have no checksum"}, {"are taken from another copy: the first is damaged"}};
    const auto flush = [&](Run& run) {
        if (run.size > 0) warnings_.add(whose + ": " + sectors_text(run.from, run.size) + " " + run.what);
        run.size = 0;
    };
    for (uint64_t index = 0; index < count; index++) {
        const auto sector = into.subspan(index * size, size);
        const Range where{reader_.volume().offset + place.copies.front() + index * size, size};
        const bool fine = checksums != nullptr ? sums.hold(index, sector) : !touches(bad, where);
        if (fine) continue;
        size_t kind = 0;
        if (checksums != nullptr && !sums.present[index])
            kind = 1, missing++;
        else if (recover(sums, index, place, sector, bad))
            kind = 2;
        else if (checksums != nullptr)
            wrong++;
        else
            continue; // unreadable in each copy, which is told as such
        Run& run = runs[kind];
        if (run.size == 0 || run.from + run.size != logical + index * size) {
            flush(run);
            run.from = logical + index * size;
        }
        run.size += size;
    }
    for (Run& run : runs) flush(run);
    std::ranges::move(bad, std::back_inserter(unreadable_));
    return wrong + missing;
}

uint64_t DataReader::read(const Tree* checksums, const std::string& whose, uint64_t logical,
                          std::span<std::byte> into) {
    uint64_t wrong = 0;
    while (!into.empty()) {
        Place place = chunks_.place(logical, std::min<uint64_t>(into.size(), largest_piece));
        place.size -= place.size % super_.sector_size;
        if (place.copies.size() > 1) // of a volume that is cut short, the copies that are still inside
            std::erase_if(place.copies,
                          [&](uint64_t at) { return at > reader_.size() || place.size > reader_.size() - at; });
        if (place.size == 0)
            throw Error(ExitCode::never_valid, whose + ": logical byte " + std::to_string(logical) + " is no sector");
        if (place.copies.empty())
            throw Error(ExitCode::never_valid, whose + ": logical byte " + std::to_string(logical) +
                                                   " lies on device " + std::to_string(place.absent.front()) +
                                                   ", which is not here");
        wrong += read_piece(checksums, whose, logical, place, into.first(place.size));
        logical += place.size;
        into = into.subspan(place.size);
    }
    return wrong;
}

std::vector<Bad> DataReader::take_unreadable() {
    std::ranges::move(reader_.take_unreadable(), std::back_inserter(unreadable_));
    return std::exchange(unreadable_, {});
}

} // namespace kanshiki::btrfs
