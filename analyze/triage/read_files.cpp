#include "analyze/triage/read_files.h"

#include "analyze/filesystem/ends_run.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <thread>
#include <tuple>

namespace kanshiki {
namespace {

constexpr uint64_t read_step = 1024 * 1024;

class OpenFile : public FileView {
public:
    OpenFile(FileSystem& files, const ListedFile& file, std::vector<NotCovered>& ledger)
        : files_(files), file_(file), ledger_(ledger) {}
    unsigned volume() const override { return file_.volume; }
    const std::string& path() const override { return file_.path; }
    const FileInfo& info() const override { return file_.info; }
    bool deleted() const override { return file_.deleted; }

    size_t read(uint64_t offset, std::span<std::byte> into) const override {
        const size_t got = files_.read(file_.handle, offset, into);
        if (offset <= read_) read_ = std::max(read_, offset + got);
        for (const Bad& bad : files_.take_unreadable())
            not_covered(files_.place(bad.range),
                        std::string("unreadable (") + std::strerror(bad.error) + "): read as zeros");
        return got;
    }

    std::string content(uint64_t limit) const override {
        std::string text;
        const uint64_t want = std::min(limit, file_.info.size);
        while (text.size() < want) { // grows with what is read, not with what the inode claims
            const size_t before = text.size();
            text.resize(static_cast<size_t>(std::min(want, before + read_step)));
            const size_t got = read(before, std::as_writable_bytes(std::span(text).subspan(before)));
            text.resize(before + got);
            if (got == 0) break;
        }
        if (file_.info.size > limit)
            not_covered("bytes from " + std::to_string(limit) + " to " + std::to_string(file_.info.size - 1),
                        "longer than what is read of such a file");
        return text;
    }

    void not_covered(const std::string& where, const std::string& why) const override {
        NotCovered line{file_.volume, file_.path, where, why};
        const auto same = [&](const NotCovered& each) { return each.where == where && each.why == why; };
        if (std::ranges::none_of(ledger_, same)) ledger_.push_back(std::move(line)); // two analyzers read the same file
    }

    uint64_t first_bytes_read() const { return read_; }

private:
    FileSystem& files_;
    const ListedFile& file_;
    std::vector<NotCovered>& ledger_;
    mutable uint64_t read_ = 0; // without gap from the first
};

struct Outcome {
    bool done = false;
    CoverageClass treated;
    Records records;
    std::vector<NotCovered> ledger;
};

// How many names of each class; few classes.
class Sums {
public:
    void add(CoverageClass of) {
        const auto found = std::ranges::find(sums_, of, &CoverageSum::of);
        (found != sums_.end() ? *found : sums_.emplace_back(CoverageSum{std::move(of), 0})).amount++;
    }
    std::vector<CoverageSum> sorted() && {
        std::ranges::sort(sums_, {}, [](const CoverageSum& each) {
            return std::tie(each.of.volume, each.of.treated, each.of.what, each.of.why);
        });
        return std::move(sums_);
    }

private:
    std::vector<CoverageSum> sums_;
};

constexpr const char* used_again = "a deleted name; its inode has been used again";

// What becomes of a name that no analyzer asks for.
CoverageClass unasked(const ListedFile& file) {
    const auto of = [&](Treated treated, const char* what, const char* why) {
        return CoverageClass{file.volume, treated, what, why};
    };
    if (file.handle == 0) return of(Treated::skipped, "deleted names", "nothing tells which inode was theirs");
    if (!file.known) return of(Treated::failed, "names", "their inodes could not be read");
    if (file.deleted && file.info.allocated) return of(Treated::skipped, "deleted names", used_again);
    if (file.info.type == FileType::directory) return of(Treated::read, "directories", "listed");
    if (file.info.type == FileType::regular) return of(Treated::skipped, "files", "no analyzer asks for them");
    return of(Treated::read, "links, devices, pipes and sockets", "all of them is in the listing");
}

class Readers {
public:
    Readers(BlockSource& source, const TriageOptions& options, TriageResult& result, CoverageLedger& covered,
            Events& events, std::stop_token stop)
        : source_(source), options_(options), result_(result), covered_(covered), events_(events),
          stop_(std::move(stop)) {
        size_t index = 0;
        for (const ListedFile& file : result.listing) {
            if (file.handle != 0 && wanted(file))
                jobs_.push_back(index);
            else
                sums_.add(unasked(file));
            index++;
        }
        outcomes_.resize(jobs_.size());
    }

    void run() {
        const unsigned asked =
            options_.threads != 0 ? options_.threads : std::max(1u, std::thread::hardware_concurrency());
        const auto threads = static_cast<unsigned>(std::min<size_t>(asked, jobs_.size()));
        {
            std::vector<std::jthread> workers;
            for (unsigned index = 1; index < threads; index++) workers.emplace_back([this] { work(); });
            if (threads > 0) work();
        }
        if (failure_) std::rethrow_exception(failure_);
    }
    std::vector<CoverageSum> sums() { return std::move(sums_).sorted(); }

private:
    using Handles = std::map<unsigned, std::unique_ptr<FileSystem>>;

    bool wanted(const ListedFile& file) const {
        return std::ranges::any_of(options_.analyzers,
                                   [&](const Analyzer* each) { return each->wants(file.path, file.info); });
    }

    void work() {
        Handles handles;
        while (true) {
            const size_t index = next_++;
            if (index >= jobs_.size() || failed_) return;
            try {
                if (stop_.stop_requested())
                    throw Error(ExitCode::interrupted, "interrupted while reading files; nothing was written");
                Outcome outcome = read(result_.listing[jobs_[index]], handles);
                deliver(index, std::move(outcome));
            } catch (...) {
                const std::lock_guard lock(mutex_);
                failed_ = true;
                if (!failure_ || index < failed_at_) failure_ = std::current_exception(), failed_at_ = index;
                return;
            }
        }
    }

    FileSystem& handle(unsigned volume, Handles& handles) {
        auto& found = handles[volume];
        if (!found) {
            const auto wanted = [&](const Volume& each) { return each.allocated && each.number == volume; };
            found = open_volume(source_, *std::ranges::find_if(result_.table.volumes, wanted), stop_);
            if (!found)
                throw Error(ExitCode::source_lost, "the source has changed: a file system can no longer be opened");
        }
        return *found;
    }

    Outcome read(const ListedFile& file, Handles& handles) {
        Outcome outcome;
        outcome.done = true;
        if (file.deleted && file.info.allocated) { // what could be read there is another file's
            outcome.ledger.push_back({file.volume, file.path, "content", used_again});
            outcome.treated = unasked(file);
            return outcome;
        }
        FileSystem& files = handle(file.volume, handles);
        files.take_unreadable(); // of opening it: the walk has told
        const OpenFile view(files, file, outcome.ledger);
        bool failed = false;
        for (const Analyzer* analyzer : options_.analyzers) {
            if (!analyzer->wants(file.path, file.info)) continue;
            Records records; // an analyzer that fails adds nothing
            try {
                analyzer->read(view, records);
                outcome.records.merge(std::move(records));
            } catch (const Error& error) {
                if (ends_run(error)) throw;
                view.not_covered(std::string(analyzer->name()), error.what());
                failed = true;
            } catch (const std::exception& error) {
                view.not_covered(std::string(analyzer->name()), error.what());
                failed = true;
            }
        }
        const uint64_t bytes = view.first_bytes_read();
        outcome.treated = treated(file, bytes, failed);
        note_read(files, file, bytes, failed, outcome);
        return outcome;
    }

    static CoverageClass treated(const ListedFile& file, uint64_t bytes, bool failed) {
        if (failed) return {file.volume, Treated::failed, "files", "see their lines"};
        if (file.info.type != FileType::regular) return unasked(file);
        if (bytes >= file.info.size) return {file.volume, Treated::read, "files", "in full"};
        return {file.volume, Treated::read, "files", "in part"};
    }

    void note_read(FileSystem& files, const ListedFile& file, uint64_t bytes, bool failed, Outcome& outcome) {
        CoveredFiles* covered = covered_.files(file.volume);
        if (covered == nullptr || file.info.type != FileType::regular) return;
        try {
            covered->read(files, file.handle, file.info, bytes, failed);
        } catch (const Error& error) {
            if (ends_run(error)) throw;
            outcome.ledger.push_back({file.volume, file.path, "extents", error.what()});
        }
        files.take_unreadable(); // the walk has told
    }

    // Merges in the listing's order, as far as it is complete.
    void deliver(size_t index, Outcome&& outcome) {
        const std::lock_guard lock(mutex_);
        outcomes_[index] = std::move(outcome);
        for (; merged_ < outcomes_.size() && outcomes_[merged_].done; merged_++) {
            Outcome& each = outcomes_[merged_];
            result_.records.merge(std::move(each.records));
            sums_.add(std::move(each.treated));
            std::ranges::move(each.ledger, std::back_inserter(result_.not_covered));
            each.ledger = {};
        }
        if (merged_ % 64 == 0 || merged_ == jobs_.size())
            events_.progress({"read artifacts", merged_, jobs_.size(), 0, 0, "files"});
    }

    BlockSource& source_;
    const TriageOptions& options_;
    TriageResult& result_;
    CoverageLedger& covered_;
    Events& events_;
    std::stop_token stop_;
    std::vector<size_t> jobs_; // in the listing
    std::atomic<size_t> next_ = 0;
    std::atomic<bool> failed_ = false;
    std::mutex mutex_; // of what follows, and of result_
    std::vector<Outcome> outcomes_;
    Sums sums_;
    size_t merged_ = 0, failed_at_ = 0;
    std::exception_ptr failure_;
};

} // namespace

std::vector<CoverageSum> read_files(BlockSource& source, const TriageOptions& options, TriageResult& result,
                                    CoverageLedger& ledger, Events& events, std::stop_token stop) {
    Readers readers(source, options, result, ledger, events, std::move(stop));
    readers.run();
    return readers.sums();
}

} // namespace kanshiki
