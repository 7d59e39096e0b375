// The story of an extraction: walk, make the names here, let workers fill the files, write the manifest in order.

#include "analyze/extract/extract.h"

#include "analyze/browse/list_tree.h"
#include "analyze/browse/ordered_work.h"
#include "analyze/browse/output_stream.h"
#include "analyze/extract/output_tree.h"
#include "analyze/extract/write_content.h"
#include "analyze/report/entry_line.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

namespace kanshiki {
namespace {

struct Job {
    ListedFile file;
    std::string name; // here; empty: nothing was made
    std::string status = "ok", why = {};
    FileDescriptor into = FileDescriptor(); // open: content to be written
};

struct Done {
    std::string line, checksum; // of manifest.jsonl and files.sha256
    std::string status;
    uint64_t bytes = 0;
    FileType type = FileType::unknown;
    std::vector<NotCovered> missed = {};
    std::vector<std::string> warnings = {};
};

// A worker: its own file system, its own share of the files.
class Filler {
public:
    Filler(BlockSource& source, const BrowsedVolume& volume, std::stop_token stop)
        : stop_(std::move(stop)), files_(open_volume(source, volume.volume, stop_)) {
        if (!files_)
            throw Error(ExitCode::source_lost, "the source has changed: a file system can no longer be opened");
    }

    Done operator()(Job& job) {
        Done done;
        JsonLine line;
        add_entry(line, job.file);
        if (has_own_content(job.file)) add_attributes(job, line, done);
        if (job.into) fill(job, line, done);
        if (!job.name.empty()) line.text("extracted", job.name);
        line.text("status", job.status);
        if (!job.why.empty()) line.text("why", job.why);
        if (job.status == "failed") done.missed.push_back({job.file.volume, job.file.path, "content", job.why});
        done.line = line.finish();
        done.status = job.status;
        done.type = job.file.info.type;
        done.warnings = files_->take_warnings();
        return done;
    }

private:
    void add_attributes(const Job& job, JsonLine& line, Done& done) {
        std::vector<Xattr> found;
        try {
            files_->xattrs(job.file.handle, [&](const Xattr& each) { found.push_back(each); });
        } catch (const Error& error) {
            if (error.code() != ExitCode::never_valid) throw;
            done.missed.push_back({job.file.volume, job.file.path, "extended attributes", error.what()});
        }
        for (const Bad& bad : files_->take_unreadable())
            done.missed.push_back({job.file.volume, job.file.path, "extended attributes",
                                   why_text({files_->place(bad.range), {}, bad.error})});
        add_xattrs(line, found);
    }

    void fill(Job& job, JsonLine& line, Done& done) {
        const WrittenContent written = write_content(*files_, job.file, buffer_, std::move(job.into), job.name, stop_);
        const std::string digest = to_hex(written.sha256);
        const auto miss = [&](const std::string& where, const std::string& why) {
            done.missed.push_back({job.file.volume, job.file.path, where, why});
        };
        std::string ranges;
        for (const UnreadablePiece& piece : written.read.unreadable) {
            miss(where_text(piece), why_text(piece));
            ranges += (ranges.empty() ? "[" : ",") + ("{\"offset\":" + std::to_string(piece.of_file.offset)) +
                      ",\"size\":" + std::to_string(piece.of_file.size) + "}";
        }
        if (!ranges.empty()) {
            job.status = "unreadable";
            line.raw("unreadable", ranges + "]");
        }
        if (!written.read.failure.empty()) {
            job.status = "damaged";
            job.why = written.read.failure;
            miss("after byte " + std::to_string(written.read.size), job.why);
        }
        line.number("extracted_size", written.read.size).text("sha256", digest);
        done.bytes = written.read.size;
        done.checksum = digest + "  " + job.name + "\n";
    }

    std::stop_token stop_;
    std::unique_ptr<FileSystem> files_;
    ContentBuffer buffer_;
};

// A file of the output folder that gets its name when it is complete.
class RecordFile {
public:
    RecordFile(OutputTree& tree, const std::string& name)
        : tree_(tree), name_(name), file_(tree.create(name + ".partial")), out_(file_.get(), name + ".partial") {}
    void write(std::string_view text) { out_.write(text); }
    void flush() { out_.flush(); }
    void commit() {
        out_.flush();
        if (::fchmod(file_.get(), 0400) != 0 || ::fsync(file_.get()) != 0 || ::close(file_.release()) != 0)
            throw Error(ExitCode::destination, name_ + ": cannot be flushed: " + std::strerror(errno));
        tree_.rename(name_ + ".partial", name_);
    }

private:
    OutputTree& tree_;
    std::string name_;
    FileDescriptor file_;
    OutputStream out_;
};

class Extraction {
public:
    Extraction(Image& image, const ExtractOptions& options, const std::function<void(const NotCovered&)>& missed,
               const std::function<void(const std::string&)>& warning, Events& events, std::stop_token stop)
        : image_(image), options_(options), missed_(missed), warning_(warning), events_(events), stop_(std::move(stop)),
          tree_(options.folder, options.force), manifest_(tree_, "manifest.jsonl"), checksums_(tree_, "files.sha256") {}

    ExtractResult run(const std::vector<Place>& places) {
        try {
            for (const Place& place : places) extract_place(place);
        } catch (...) {
            keep_what_is_done();
            throw;
        }
        tree_.flush();
        checksums_.commit();
        manifest_.commit();
        tree_.flush();
        return result_;
    }

private:
    void extract_place(const Place& place) {
        BrowsedVolume& volume = *place.volume;
        OrderedWork<Job, Done> work(
            options_.threads,
            [&]() -> std::function<Done(Job&)> {
                auto filler = std::make_shared<Filler>(image_.source(), volume, stop_);
                return [filler](Job& job) { return (*filler)(job); };
            },
            [this](Done&& done) { record(done); });
        begin(volume, place.file.path);
        const bool folder = place.file.info.type == FileType::directory && has_own_content(place.file);
        const auto add = [&](const ListedFile& file) { work.add(prepare(file)); };
        if (folder)
            list_tree(image_.source(), volume, place.file,
                      {true, options_.deleted, options_.threads, add, [this](const NotCovered& each) { miss(each); },
                       warning_},
                      stop_);
        else
            add(place.file);
        work.finish();
    }

    // The folders above it, which are not extracted themselves.
    void begin(const BrowsedVolume& volume, const std::string& path) {
        std::vector<std::string> above;
        if (!volume.name.empty()) above.push_back(volume.name);
        const size_t last = path.rfind('/');
        for (size_t at = 1; last != std::string::npos && at < last;) {
            const size_t slash = path.find('/', at);
            above.push_back(path.substr(at, slash - at));
            at = slash + 1;
        }
        tree_.begin(above, last == std::string::npos ? "" : path.substr(0, last));
    }

    Job prepare(const ListedFile& file) {
        Job job{file, ""};
        const bool reused = file.deleted && file.info.allocated;
        if (file.handle == 0 && file.path != "/")
            job.status = "failed", job.why = file.deleted ? "a deleted name that points nowhere" : "no inode";
        else if (!file.known)
            job.status = "failed", job.why = "its inode could not be read";
        else if (reused)
            job.status = "failed", job.why = "a deleted name; its inode has been used again";
        else if (file.path == "/")
            job.name = tree_.here();
        else if (file.info.type == FileType::directory)
            job.name = tree_.make_folder(file);
        else if (file.info.type == FileType::regular || file.info.type == FileType::unknown) {
            MadeFile made = tree_.make_file(file);
            job.name = std::move(made.name);
            job.into = std::move(made.file);
        } else
            job.status = "recorded";
        return job;
    }

    void record(const Done& done) {
        manifest_.write(done.line);
        checksums_.write(done.checksum);
        for (const NotCovered& each : done.missed) missed_(each);
        for (const std::string& each : done.warnings) warning_(each);
        if (done.status == "recorded")
            result_.recorded++;
        else if (done.status != "ok")
            result_.spoiled++;
        else
            (done.type == FileType::directory ? result_.folders : result_.files)++;
        result_.bytes += done.bytes;
        if (++told_ % 64 == 0) events_.progress({"extract", told_, std::nullopt, 0, result_.bytes, "files"});
    }

    void miss(const NotCovered& what) {
        JsonLine line;
        line.number("volume", what.volume);
        add_bytes(line, "path", what.path);
        manifest_.write(line.text("status", "not read").text("where", what.where).text("why", what.why).finish());
        missed_(what);
    }

    void keep_what_is_done() noexcept {
        try {
            manifest_.flush();
            checksums_.flush();
        } catch (const Error&) { // the failure that is under way says it
        }
    }

    Image& image_;
    const ExtractOptions& options_;
    const std::function<void(const NotCovered&)>& missed_;
    const std::function<void(const std::string&)>& warning_;
    Events& events_;
    std::stop_token stop_;
    OutputTree tree_;
    RecordFile manifest_, checksums_;
    ExtractResult result_;
    uint64_t told_ = 0;
};

// One inside the other is the other's already.
void drop_what_is_inside(std::vector<Place>& places) {
    const auto inside = [](const Place& each, const Place& of) {
        const std::string& path = of.file.path;
        return each.volume == of.volume && (path == "/" || each.file.path.starts_with(path + "/"));
    };
    std::vector<Place> kept;
    for (const Place& each : places) {
        const bool covered = std::ranges::any_of(kept, [&](const Place& of) {
            return inside(each, of) || (each.volume == of.volume && each.file.path == of.file.path);
        });
        if (covered) continue;
        std::erase_if(kept, [&](const Place& of) { return inside(of, each); });
        kept.push_back(each);
    }
    places = std::move(kept);
}

} // namespace

ExtractResult extract(Image& image, std::vector<Place> places, const ExtractOptions& options,
                      const std::function<void(const NotCovered&)>& missed,
                      const std::function<void(const std::string&)>& warning, Events& events, std::stop_token stop) {
    drop_what_is_inside(places);
    return Extraction(image, options, missed, warning, events, std::move(stop)).run(places);
}

} // namespace kanshiki
