#include "analyze/explain/explain.h"

#include "analyze/filesystem/cached_source.h"
#include "analyze/filesystem/ends_run.h"
#include "analyze/triage/walk.h"
#include "kanshiki/error.h"
#include "kanshiki/volume.h"

#include <algorithm>

namespace kanshiki {
namespace {

constexpr size_t most_gaps = 1000; // of what could not be looked at

Range overlap(const Range& a, const Range& b) {
    const uint64_t from = std::max(a.offset, b.offset), to = std::min(a.end(), b.end());
    return from < to ? Range{from, to - from} : Range{from, 0};
}

// Bytes of `within` that lie in any of `parts`.
uint64_t covered(std::vector<Range> parts, const Range& within) {
    std::ranges::sort(parts, {}, &Range::offset);
    uint64_t out = 0, at = within.offset;
    for (const Range& part : parts) {
        const uint64_t from = std::max(part.offset, at), to = std::min(part.end(), within.end());
        if (from < to) out += to - from, at = to;
    }
    return out;
}

class Explainer : public WalkSink {
public:
    Explainer(BlockSource& source, const std::vector<Range>& ranges, std::stop_token stop)
        : source_(source), stop_(std::move(stop)), owned_(ranges.size()), inner_(ranges.size()) {
        for (const Range& range : ranges) out_.ranges.push_back({range, {}, 0, {}});
    }

    Explanation run() {
        const VolumeTable table = read_volumes(source_, stop_);
        for (const std::string& notice : table.notices) miss({0, "", "volumes", notice});
        // What is inside others first, the innermost (they come last) before all: the rest of the others is their own.
        for (auto volume = table.volumes.rbegin(); volume != table.volumes.rend(); ++volume)
            if (volume->content) explain_volume(*volume);
        for (const Volume& volume : table.volumes)
            if (volume.allocated && !volume.content) explain_volume(volume);
        for (ExplainedRange& each : out_.ranges)
            if (const uint64_t rest = each.range.size - covered(inner_[index_of(each)], each.range); rest > 0)
                each.elsewhere.push_back({"in no volume: the partition table, or not partitioned", rest});
        return std::move(out_);
    }

private:
    void miss(NotCovered gap) {
        if (out_.not_covered.size() < most_gaps) out_.not_covered.push_back(std::move(gap));
    }

    size_t index_of(const ExplainedRange& each) const { return static_cast<size_t>(&each - out_.ranges.data()); }

    // Which parts of each range lie in the volume.
    std::vector<std::vector<Range>> parts_in(const Volume& volume) {
        std::vector<std::vector<Range>> out(out_.ranges.size());
        const auto add = [&](const Range& there) {
            auto each = std::ranges::upper_bound(out_.ranges, there.offset, {},
                                                 [](const ExplainedRange& one) { return one.range.end(); });
            for (; each != out_.ranges.end() && each->range.offset < there.end(); ++each)
                out[index_of(*each)].push_back(overlap(each->range, there));
        };
        for (const Range& there : storage(volume, volume.range)) add(there);
        return out;
    }

    void explain_volume(const Volume& volume) {
        for (auto& each : owned_) each.clear();
        std::vector<std::vector<Range>> here;
        try {
            here = parts_in(volume);
        } catch (const Error& error) {
            return miss({volume.number, "", "volume", error.what()});
        }
        if (std::ranges::all_of(here, &std::vector<Range>::empty)) return;
        const std::string name =
            "volume " + std::to_string(volume.number) + (volume.name.empty() ? "" : ", " + volume.name);
        std::unique_ptr<FileSystem> files;
        std::string what = name + ", without a file system that can be read";
        if (!volume.holds.empty())
            what = name + " (" + volume.holds + ")" + (volume.opened ? ", in none of the volumes there" : "");
        try {
            files = open_volume(source_, volume, stop_);
            if (files) what = name + " (" + files->info().type + "), in no file: its metadata, slack or free space";
        } catch (const Error& error) {
            if (error.code() == ExitCode::interrupted) throw;
            what += ": " + std::string(error.what());
        }
        if (files) list_owners(*files, volume);
        for (size_t i = 0; i < out_.ranges.size(); ++i) {
            const Range& whole = out_.ranges[i].range;
            std::vector<Range> told = owned_[i];
            told.insert(told.end(), inner_[i].begin(), inner_[i].end());
            inner_[i].insert(inner_[i].end(), here[i].begin(), here[i].end());
            std::vector<Range> all = told;
            all.insert(all.end(), here[i].begin(), here[i].end());
            if (const uint64_t rest = covered(std::move(all), whole) - covered(std::move(told), whole); rest > 0)
                out_.ranges[i].elsewhere.push_back({what, rest});
        }
    }

    void list_owners(FileSystem& files, const Volume& volume) {
        files_ = &files;
        volume_ = &volume;
        const auto again = [&] { return open_volume(source_, volume, stop_); };
        WalkOptions options;
        options.threads = 0;
        walk(files, again, volume.number, options, *this, stop_);
    }

    // The walk's own file system may be used between two names.
    bool file(const ListedFile& file) override {
        if (file.handle == 0) return true;
        try {
            for (const auto& extent : files_->extents(file.handle)) {
                if (extent.sparse || extent.logical >= file.info.size) continue;
                const bool encoded = extent.encoded != 0; // all of it is needed for any byte of the content
                Range used = extent.range;
                if (!encoded) used.size = std::min(used.size, file.info.size - extent.logical);
                for (const auto& part : locate(*volume_, used))
                    add(file, extent.logical + (encoded ? 0 : part.offset - used.offset), part.range, encoded);
            }
        } catch (const Error& error) {
            if (ends_run(error)) throw;
            miss({file.volume, file.path, "extents", error.what()});
        }
        if (!files_->take_unreadable().empty()) miss({file.volume, file.path, "extents", "part of them is unreadable"});
        return true;
    }
    void not_covered(NotCovered&& line) override { miss(std::move(line)); }
    void warning(const std::string& text) override { miss({volume_->number, "", "file system", text}); }

    void add(const ListedFile& file, uint64_t logical, const Range& extent, bool encoded) {
        const auto first = std::ranges::upper_bound(out_.ranges, extent.offset, {},
                                                    [](const ExplainedRange& each) { return each.range.end(); });
        for (auto each = first; each != out_.ranges.end() && each->range.offset < extent.end(); ++each) {
            const Range part = overlap(each->range, extent);
            const bool gone = file.deleted || !file.info.allocated;
            if (!gone) owned_[static_cast<size_t>(each - out_.ranges.begin())].push_back(part);
            if (each->owners.size() < most_owners)
                each->owners.push_back({file.volume, file.path, file.info.inode, gone,
                                        logical + (encoded ? 0 : part.offset - extent.offset), part});
            else
                ++each->more_owners;
        }
    }

    BlockSource& source_;
    const std::stop_token stop_;
    FileSystem* files_ = nullptr; // of the volume at hand
    const Volume* volume_ = nullptr;
    std::vector<std::vector<Range>> owned_; // of each range: what files that exist have, in the volume at hand
    std::vector<std::vector<Range>> inner_; // of each range: what lies in the volumes that are done
    Explanation out_;
};

} // namespace

Explanation explain(BlockSource& given, const std::vector<Range>& ranges, std::stop_token stop) {
    std::unique_ptr<BlockSource> cache;
    return Explainer(shareable(given, cache), ranges, std::move(stop)).run();
}

} // namespace kanshiki
