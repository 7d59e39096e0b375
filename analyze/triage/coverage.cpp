#include "analyze/triage/coverage.h"

#include "analyze/filesystem/ends_run.h"
#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki {
namespace {

Range cut(const Range& range, uint64_t from, uint64_t end) {
    const uint64_t first = std::max(range.offset, from), last = std::min(range.end(), end);
    return first < last ? Range{first, last - first} : Range{};
}

// A volume of too many stripes to be located stays what its physical volumes are; it must not end the triage.
std::vector<Range> stored(const Volume& volume, const Range& range) {
    try {
        return storage(volume, range);
    } catch (const Error& error) {
        if (error.code() != ExitCode::never_valid) throw;
        return {};
    }
}

// As the source has it; parts that two claim belong to the first.
std::vector<CoveredRange> in_source(const Volume& volume, const std::vector<CoveredRange>& ranges, uint64_t size) {
    std::vector<CoveredRange> parts;
    for (const CoveredRange& each : ranges)
        for (const Range& part : stored(volume, each.range)) parts.push_back({cut(part, 0, size), each.of});
    std::ranges::stable_sort(parts, {}, [](const CoveredRange& each) { return each.range.offset; });
    uint64_t end = 0;
    for (CoveredRange& each : parts) {
        each.range = cut(each.range, end, size);
        end = std::max(end, each.range.end());
    }
    std::erase_if(parts, [](const CoveredRange& each) { return each.range.size == 0; });
    return parts;
}

// Of a file's blocks the part that holds its bytes from `from` to `to`.
Range holding(const FileSystem::FileExtent& extent, uint64_t from, uint64_t to) {
    const uint64_t first = std::max(extent.logical, from), last = std::min(extent.logical + extent.length(), to);
    if (first >= last) return {};
    if (extent.encoded != 0) return extent.range; // all of it is needed for any byte
    return {extent.range.offset + (first - extent.logical), last - first};
}

} // namespace

void BadNotes::read(Read& read, std::stop_token stop) {
    below_.read(read, std::move(stop));
    if (read.bad.empty()) return;
    const std::lock_guard lock(mutex_);
    for (const Bad& each : read.bad) bad_.add(each.range);
}

CoveredFiles::CoveredFiles(FileSystem& files) : range_(files.info().range) {
    try {
        files.free_space([&](const Range& range) { free_.add(range); });
    } catch (const Error& error) {
        if (ends_run(error)) throw;
        no_free_space_ = error.what();
    }
}

void CoveredFiles::inspect(FileSystem& files, uint64_t handle, const FileInfo& info) {
    if (info.type != FileType::regular || !info.allocated) return;
    const auto extents = files.extents(handle);
    const std::lock_guard lock(mutex_);
    for (const auto& extent : extents) {
        if (extent.sparse && extent.range.offset <= range_.offset) continue; // a hole
        const Range content = extent.sparse ? Range{} : holding(extent, 0, info.size);
        unread_.add(content);
        slack_.add(cut(extent.range, content.size != 0 ? content.end() : extent.range.offset, extent.range.end()));
    }
}

void CoveredFiles::read(FileSystem& files, uint64_t handle, const FileInfo& info, uint64_t bytes, bool failed) {
    if (info.size == 0) return;
    const auto extents = files.extents(handle);
    const std::lock_guard lock(mutex_);
    for (const auto& extent : extents) {
        if (extent.sparse) continue;
        read_.add(holding(extent, 0, bytes));
        if (info.allocated) (failed ? failed_ : rest_).add(holding(extent, bytes, info.size));
    }
}

void CoverageLedger::skip(const Volume& volume, const std::string& what, const std::string& why) {
    entries_.push_back({volume, what, why, nullptr});
}

CoveredFiles& CoverageLedger::open(const Volume& volume, FileSystem& files) {
    entries_.push_back({volume, "", "", std::make_unique<CoveredFiles>(files)});
    return *entries_.back().files;
}

CoveredFiles* CoverageLedger::files(unsigned volume) {
    for (const Entry& entry : entries_)
        if (entry.files && entry.volume.number == volume) return entry.files.get();
    return nullptr;
}

uint32_t CoverageLedger::number(unsigned volume, Treated treated, std::string what, std::string why) {
    CoverageClass wanted{volume, treated, std::move(what), std::move(why)};
    const auto found = std::ranges::find(classes_, wanted);
    if (found != classes_.end()) return static_cast<uint32_t>(found - classes_.begin());
    classes_.push_back(std::move(wanted));
    return static_cast<uint32_t>(classes_.size() - 1);
}

// All of a volume, in its own bytes.
std::vector<CoveredRange> CoverageLedger::classify(Entry& entry) {
    const unsigned volume = entry.volume.number;
    if (!entry.files) return {{entry.volume.range, number(volume, Treated::skipped, entry.what, entry.why)}};
    CoveredFiles& files = *entry.files;
    const Range whole = files.range_;
    std::vector<CoveredRange> result{
        {entry.volume.range, number(volume, Treated::skipped, "behind the end of the file system", "not searched")}};
    const auto put = [&](const std::vector<Range>& ranges, uint32_t of) {
        std::vector<CoveredRange> over;
        for (const Range& each : ranges)
            if (const Range inside = cut(each, whole.offset, whole.end()); inside.size != 0)
                over.push_back({inside, of});
        result = paint(result, over, [](uint32_t, uint32_t above) { return above; });
    };
    put({whole}, number(volume, Treated::read, "metadata",
                        files.no_free_space_.empty()
                            ? "neither free nor content of a file; as far as the listing needs it"
                            : "not content of a file; free space could not be told: " + files.no_free_space_));
    put(files.free_.ranges(), number(volume, Treated::skipped, "free space", "not searched"));
    put(files.slack_.ranges(),
        number(volume, Treated::skipped, "slack", "allocated to files, behind their end or not yet written"));
    put(files.unread_.ranges(),
        number(volume, Treated::skipped, "content of files", "no analyzer asks for these files"));
    put(files.rest_.ranges(),
        number(volume, Treated::skipped, "content of files", "of files read in part: not asked for"));
    put(files.failed_.ranges(),
        number(volume, Treated::failed, "content of files", "of files that could not be read or understood"));
    put(files.read_.ranges(), number(volume, Treated::read, "content of files", ""));
    return result;
}

Coverage CoverageLedger::finish(const std::vector<Range>& bad) {
    std::vector<CoveredRange> all;
    if (size_ > 0)
        all.push_back(
            {{0, size_}, number(0, Treated::skipped, "outside of volumes", "partition tables and small gaps")});
    const auto above = [](uint32_t, uint32_t over) { return over; };
    for (Entry& entry : entries_) {
        all = paint(all, in_source(entry.volume, classify(entry), size_), above);
        entry.files.reset();
    }
    std::vector<CoveredRange> failed;
    for (const Range& each : bad)
        if (const Range inside = cut(each, 0, size_); inside.size != 0) failed.push_back({inside, 0});
    all = paint(all, failed, [&](uint32_t below, uint32_t) {
        const CoverageClass of = classes_[below];
        return number(of.volume, Treated::failed, of.what, "unreadable");
    });

    Coverage result;
    std::vector<uint64_t> sums(classes_.size());
    for (const CoveredRange& each : all) sums[each.of] += each.range.size;
    for (uint32_t index = 0; index < classes_.size(); index++)
        if (sums[index] != 0) result.bytes.push_back({classes_[index], sums[index]});
    result.classes = std::move(classes_);
    result.ranges = std::move(all);
    return result;
}

std::string_view treated_name(Treated treated) {
    static constexpr std::string_view names[] = {"read", "skipped", "failed"};
    return names[static_cast<size_t>(treated)];
}

} // namespace kanshiki
