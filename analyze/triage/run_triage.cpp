// The story of a triage: find the volumes, list every name, let the analyzers read what they want, conclude.

#include "analyze/filesystem/cached_source.h"
#include "analyze/triage/coverage.h"
#include "analyze/triage/read_files.h"
#include "analyze/triage/walk.h"
#include "kanshiki/error.h"
#include "kanshiki/manifest.h"

#include <algorithm>
#include <cstring>
#include <tuple>

namespace kanshiki {
namespace {

constexpr uint64_t most_memory = uint64_t{4} << 30; // of the listing

class Lister : public WalkSink {
public:
    Lister(TriageResult& result, unsigned volume, Events& events) : result_(result), volume_(volume), events_(events) {}
    bool file(const ListedFile& file) override {
        if (result_.listing.memory() > most_memory) {
            not_covered({file.volume, file.path, "listing",
                         "the listing has reached its limit of memory; the rest is not listed"});
            return false;
        }
        result_.listing.push_back(file);
        return true;
    }
    void not_covered(NotCovered&& line) override { result_.not_covered.push_back(std::move(line)); }
    void warning(const std::string& text) override {
        result_.not_covered.push_back({volume_, "", "file system", text});
    }
    void progress(uint64_t names) override { events_.progress({"list files", names, std::nullopt, 0, 0, "files"}); }

private:
    TriageResult& result_;
    const unsigned volume_;
    Events& events_;
};

void tell_unreadable(FileSystem& files, unsigned volume, const std::string& why, TriageResult& result) {
    for (const Bad& bad : files.take_unreadable())
        result.not_covered.push_back(
            {volume, "", files.place(bad.range),
             "unreadable (" + std::string(std::strerror(bad.error)) + "): read as zeros, so " + why});
}

void list_volume(BlockSource& source, const Volume& volume, const TriageOptions& options, TriageResult& result,
                 CoverageLedger& ledger, Events& events, std::stop_token stop) {
    const std::string where =
        (volume.content ? "volume of " : "volume at byte " + std::to_string(volume.range.offset) + ", ") +
        std::to_string(volume.range.size) + " bytes" +
        (volume.description.empty() ? "" : " (" + volume.description + ")");
    if (!volume.allocated) {
        result.not_covered.push_back({volume.number, "", where, "not partitioned; not searched"});
        ledger.skip(volume, "not partitioned", "not searched");
        return;
    }
    const auto files = open_volume(source, volume, stop);
    if (!files && volume.opened) { // what it holds is in volumes of their own
        ledger.skip(volume, "holds other volumes", "what keeps them together; not in any of them");
        return;
    }
    if (!files) {
        std::string why = volume.holds;
        if (why.empty()) {
            const std::string found = recognise_content(volume.in(source), volume.range, stop);
            why = found.empty() ? "no file system that is known" : found + ": not read by this version";
        }
        result.not_covered.push_back({volume.number, "", where, why});
        ledger.skip(volume, "no files", why);
        return;
    }
    tell_unreadable(*files, volume.number, "the file system as a whole cannot be trusted", result);
    CoveredFiles& covered = ledger.open(volume, *files);
    tell_unreadable(*files, volume.number, "free space may be told wrongly", result);
    WalkOptions how;
    how.threads = options.threads;
    how.inspect = [&](FileSystem& own, uint64_t handle, const FileInfo& info) { covered.inspect(own, handle, info); };
    Lister sink(result, volume.number, events);
    const auto again = [&] { return open_volume(source, volume, stop); };
    result.volumes.push_back(walk(*files, again, volume.number, how, sink, stop));
}

void conclude(const TriageOptions& options, TriageResult& result) {
    const CaseView everything{result.records, result.volumes};
    for (const Analyzer* analyzer : options.analyzers) {
        Findings findings;
        try {
            analyzer->conclude(everything, findings);
            std::ranges::move(findings, std::back_inserter(result.findings));
        } catch (const std::exception& error) {
            result.not_covered.push_back(
                {0, "", std::string(analyzer->name()), std::string("its conclusions failed: ") + error.what()});
        }
    }
    static const Evidence nowhere;
    const auto key = [](const Finding& finding) {
        const Evidence& first = finding.evidence.empty() ? nowhere : finding.evidence.front();
        return std::tuple(-static_cast<int>(finding.severity), std::string_view(finding.rule), first.volume,
                          std::string_view(first.path), first.line.value_or(0), first.offset.value_or(0));
    };
    std::ranges::stable_sort(result.findings, {}, key);
}

} // namespace

TriageResult run_triage(BlockSource& given, const TriageOptions& options, Events& events, std::stop_token stop) {
    BadNotes notes(given);
    std::unique_ptr<BlockSource> cache;
    BlockSource& source = shareable(notes, cache);
    TriageResult result;
    result.started = utc_now();
    result.source = given.info();

    result.table = read_volumes(source, options.volumes, stop);
    for (const std::string& notice : result.table.notices) {
        events.report({"notice", "volumes: " + notice});
        result.not_covered.push_back({0, "", "volumes", notice});
    }
    CoverageLedger ledger(*given.info().size); // read_volumes has asked for it
    for (const Volume& volume : result.table.volumes)
        list_volume(source, volume, options, result, ledger, events, stop);
    std::vector<CoverageSum> files = read_files(source, options, result, ledger, events, stop);
    result.coverage = ledger.finish(notes.bad());
    result.coverage.files = std::move(files);
    conclude(options, result);

    result.ended = utc_now();
    return result;
}

} // namespace kanshiki
