#include "acquire/selftest/assertions.h"

#include "acquire/selftest/oracle.h"
#include "kanshiki/audit_log.h"
#include "kanshiki/error.h"
#include "kanshiki/mapfile.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

namespace kanshiki::selftest {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::byte>;

constexpr uint64_t chunk = 512 * 1024;

Manifest manifest_of(const fs::path& image) {
    const fs::path file = Companions::of(image).manifest;
    return parse_manifest(text_of(file), file.string());
}

// Where two images differ first; nothing if they are equal.
std::optional<size_t> first_difference(const Bytes& a, const Bytes& b) {
    const auto [at, other] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    if (at == a.end() && other == b.end()) return {};
    return static_cast<size_t>(at - a.begin());
}

std::string ranges_text(const std::vector<Bad>& ranges) {
    std::string out;
    for (const Bad& bad : ranges)
        out += fmt::format("{}{}+{} {}", out.empty() ? "" : ", ", bad.range.offset, bad.range.size,
                           std::strerror(bad.error));
    return out.empty() ? "none" : out;
}

// In which sectors the two differ, in words.
std::string difference_text(const Disk& disk, const Bytes& image, const Bytes& expected) {
    if (image.size() != expected.size()) return fmt::format("{} bytes instead of {}", image.size(), expected.size());
    uint64_t sectors = 0, first = 0;
    for (uint64_t at = 0; at < expected.size(); at += disk.sector) {
        const size_t size = std::min<size_t>(disk.sector, expected.size() - at);
        if (std::memcmp(image.data() + at, expected.data() + at, size) == 0) continue;
        if (sectors++ == 0) first = at / disk.sector;
    }
    return sectors == 0 ? "no sector differs" : fmt::format("{} sectors differ, the first is {}", sectors, first);
}

} // namespace

Seen all_sectors(const Subjects& subjects) {
    const Disk& disk = subjects.clean();
    const Bytes image = bytes_of(subjects.image_of(disk));
    const uint64_t sectors = disk.content.size() / disk.sector;
    uint64_t missing = 0;
    for (uint64_t at = 0; at < disk.content.size(); at += disk.sector)
        if (image.size() < at + 8 || std::memcmp(image.data() + at, disk.content.data() + at, 8) != 0) ++missing;
    return {fmt::format("a file of {} sectors, each beginning with its number, was imaged", sectors),
            fmt::format("{} bytes, every sector's number in its place", disk.content.size()),
            fmt::format("{} bytes, {} sectors without their number", image.size(), missing),
            image.size() == disk.content.size() && missing == 0};
}

Seen accurate(const Subjects& subjects) {
    const Disk& disk = subjects.clean();
    const fs::path file = subjects.image_of(disk);
    const Bytes image = bytes_of(file);
    std::string wrong;
    for (const auto& [name, hex] : manifest_of(file).digests)
        if (hex != digest_of(name, disk.content)) wrong += " " + name;
    const auto differs = first_difference(image, disk.content);
    return {"the image was read back and compared; its SHA-256, MD5, SHA-1 and SHA-512 were computed with OpenSSL",
            "every byte equal, every digest equal",
            differs ? fmt::format("differs at byte {}", *differs)
                    : "every byte equal" + (wrong.empty() ? ", every digest equal" : "; not equal:" + wrong),
            !differs && wrong.empty()};
}

Seen errors_reported(const Subjects& subjects) {
    Seen out{"disks with unreadable sectors of 512 and of 4096 bytes, three kinds of error among them, were imaged", "",
             "", true};
    for (const Disk& disk : subjects.faulty()) {
        const fs::path image = subjects.image_of(disk);
        const Manifest manifest = manifest_of(image);
        std::vector<Range> planted, mapped;
        for (const Bad& bad : disk.faults) {
            const bool goes_on = !planted.empty() && planted.back().end() == bad.range.offset;
            goes_on ? void(planted.back().size += bad.range.size) : planted.push_back(bad.range);
        }
        const fs::path map = Companions::of(image).map;
        for (const MapRow& row : parse_mapfile(text_of(map), map.string()))
            if (row.status == '-') mapped.push_back(row.range);
        out.expected += (out.expected.empty() ? "" : "; ") + ranges_text(disk.faults);
        out.seen += (out.seen.empty() ? "" : "; ") + ranges_text(manifest.unreadable) +
                    (mapped == planted ? ", the map the same" : ", the map otherwise");
        out.passed = out.passed && manifest.unreadable == disk.faults && mapped == planted;
    }
    return out;
}

Seen benign_fill(const Subjects& subjects) {
    Seen out{"the images of the disks with unreadable sectors were read back",
             "zeros where a sector is unreadable; everything else in its place and equal", "", true};
    for (const Disk& disk : subjects.faulty()) {
        const Bytes image = bytes_of(subjects.image_of(disk)), expected = disk.expected();
        const bool same = !first_difference(image, expected);
        out.seen += fmt::format("{}sectors of {}: {}", out.seen.empty() ? "" : "; ", disk.sector,
                                same ? "as expected" : difference_text(disk, image, expected));
        out.passed = out.passed && same;
    }
    return out;
}

Seen chunk_digests(const Subjects& subjects) {
    const Disk& disk = subjects.clean();
    const fs::path image = subjects.planted("leaf") ? subjects.copy_of(disk, "leaf") : subjects.image_of(disk);
    if (subjects.planted("leaf")) change_byte(Companions::of(image).chunks, 100);
    const Bytes expected = leaves_of(bytes_of(image), chunk), listed = bytes_of(Companions::of(image).chunks);
    const std::string root = root_of(expected), recorded = to_hex(manifest_of(image).root);
    uint64_t wrong = 0;
    for (size_t at = 0; at < expected.size(); at += 32)
        if (listed.size() < at + 32 || std::memcmp(listed.data() + at, expected.data() + at, 32) != 0) ++wrong;
    return {"the SHA-256 of each 512 KiB of the image and the root (RFC 9162) were computed with OpenSSL",
            fmt::format("{} digests equal, root {}", expected.size() / 32, root),
            fmt::format("{} digests, {} of them wrong, root {}", listed.size() / 32, wrong, recorded),
            listed == expected && recorded == root};
}

Seen log_accurate(const Subjects& subjects) {
    const Disk& disk = subjects.faulty().front();
    const fs::path image = subjects.planted("log-line") ? subjects.copy_of(disk, "log-line") : subjects.image_of(disk);
    const fs::path file = Companions::of(image).log;
    if (subjects.planted("log-line")) {
        std::string text = text_of(file);
        const size_t second = text.find('\n') + 1;
        text.erase(second, text.find('\n', second) + 1 - second);
        fs::remove(file);
        write_file_durably(file, text);
    }
    const Manifest manifest = manifest_of(image);
    const LogCheck log = check_log(file, {"*"});
    std::vector<Bad> told; // a range that goes on in the next chunk has an entry for each
    for (const LogLine& line : log.lines) {
        if (line.event != "unreadable") continue;
        const Bad bad{{log_uint(line, "offset").value_or(0), log_uint(line, "size").value_or(0)},
                      static_cast<int>(log_uint(line, "errno").value_or(0))};
        const bool goes_on = !told.empty() && told.back().range.end() == bad.range.offset &&
                             bad.range.offset % chunk == 0 && told.back().error == bad.error;
        goes_on ? void(told.back().range.size += bad.range.size) : told.push_back(bad);
    }
    const bool whole =
        !log.broken_at && !log.torn && log.entries == manifest.log_entries && log.head == manifest.log_head;
    const bool framed =
        !log.lines.empty() && log.lines.front().event == "start" && log.lines.back().event == "complete" &&
        log_uint(log.lines.front(), "source_size").value_or(disk.content.size()) == disk.content.size() &&
        log_string(log.lines.back(), "root") == to_hex(manifest.root) &&
        log_uint(log.lines.back(), "unreadable_ranges") == disk.faults.size();
    return {"the log of an acquisition with unreadable sectors was read",
            "an unbroken chain with the head of the manifest; start, each unreadable range, complete with the root",
            fmt::format("{}; {}; unreadable: {}", whole ? "chain and head right" : "chain or head wrong " + log.why,
                        framed ? "start and complete right" : "start or complete wrong or missing", ranges_text(told)),
            whole && framed && told == disk.faults};
}

Seen any_threads(const Subjects& subjects) {
    const Disk& disk = subjects.clean();
    std::vector<Bytes> made;
    for (const unsigned threads : {1u, 2u, 8u}) {
        AcquireOptions options =
            subjects.acquisition_of(disk, subjects.folder() / fmt::format("threads-{}", threads) / "disk.img.zst");
        options.threads = threads;
        subjects.acquire_image(options);
        if (subjects.planted("threads") && threads == 8) change_byte(options.images.front(), 5000);
        made.push_back(bytes_of(options.images.front()));
    }
    const auto two = first_difference(made[0], made[1]), eight = first_difference(made[0], made[2]);
    return {"the disk was imaged to .img.zst by 1, 2 and 8 threads", "files equal to the byte",
            two || eight ? fmt::format("differ at byte {}", two.value_or(eight.value_or(0))) : "equal", !two && !eight};
}

Seen source_unchanged(const Subjects& subjects) {
    if (subjects.planted("source")) change_byte(subjects.source_file(), 1000);
    const std::string before = digest_of("SHA256", subjects.clean().content);
    const std::string after = digest_of("SHA256", bytes_of(subjects.source_file()));
    return {"the SHA-256 of the source file was computed before all acquisitions and after them", before, after,
            before == after};
}

} // namespace kanshiki::selftest
