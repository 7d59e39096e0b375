#include "analyze/browse/entry_printer.h"

#include "analyze/browse/content.h"
#include "analyze/report/entry_line.h"
#include "analyze/report/file_mode.h"
#include "analyze/timeline/civil_time.h"
#include "kanshiki/error.h"
#include "kanshiki/escape.h"

#include <cstring>
#include <fmt/format.h>

namespace kanshiki {
namespace {

constexpr size_t batch_files = 512;
constexpr size_t window_files = 16384;

std::string_view suffix(FileType type) {
    switch (type) {
    case FileType::directory:
        return "/";
    case FileType::symlink:
        return "@";
    case FileType::fifo:
        return "|";
    case FileType::socket:
        return "=";
    default:
        return "";
    }
}

std::string details(const FileInfo& info) {
    const bool device = info.type == FileType::character || info.type == FileType::block;
    const char type = info.type == FileType::regular   ? '-'
                      : info.type == FileType::unknown ? '?'
                                                       : type_letter(info.type);
    return fmt::format("{}{} {:>3} {:>5} {:>5} {:>12} {} ", type, mode_string(info.mode), info.links, info.uid,
                       info.gid, device ? fmt::format("{}, {}", info.major, info.minor) : std::to_string(info.size),
                       info.modified ? iso8601(*info.modified, 9) : "-");
}

std::string deleted_mark(const ListedFile& file) {
    if (!file.deleted) return {};
    if (file.info.allocated) return " (deleted, its inode used again)";
    return fmt::format(" (deleted, {})", certainty_name(file.certainty));
}

} // namespace

class EntryPrinter::Worker {
public:
    Worker(BlockSource& source, const BrowsedVolume& volume, const EntryStyle& style, std::stop_token stop)
        : source_(source), volume_(volume), style_(style), stop_(std::move(stop)) {}

    Batch operator()(Batch& batch) {
        for (size_t index = 0; index < batch.used; index++) {
            const Item& item = batch.items[index];
            if (style_.json)
                json(item, batch);
            else
                batch.text += text(item.file);
        }
        if (files_) batch.warnings = files_->take_warnings();
        return std::move(batch);
    }

private:
    FileSystem& files() {
        if (!files_) files_ = open_volume(source_, volume_.volume, stop_);
        if (!files_)
            throw Error(ExitCode::source_lost, "the source has changed: a file system can no longer be opened");
        return *files_;
    }

    std::string text(const ListedFile& file) const {
        const FileInfo& info = file.info;
        const std::string shown = volume_.shown(file.path);
        std::string line;
        if (style_.inode) line += fmt::format("{:>10} ", info.inode);
        if (style_.details) line += details(info);
        line += escape_terminal(style_.full_path ? shown : shown.substr(shown.rfind('/') + 1));
        if (style_.details && !info.symlink_target.empty())
            line += " -> " + escape_terminal(info.symlink_target);
        else if (line.back() != '/') // the root
            line += suffix(info.type == FileType::unknown ? file.name_type : info.type);
        return line + deleted_mark(file) + "\n";
    }

    void json(const Item& item, Batch& batch) {
        const ListedFile& file = item.file;
        JsonLine line(batch.text);
        add_entry(line, file);
        if (style_.xattrs && has_own_content(file)) xattrs(file, line, batch);
        if (item.hash) hash(item, line, batch);
        line.end();
    }

    void xattrs(const ListedFile& file, JsonLine& line, Batch& batch) {
        std::vector<Xattr> found;
        files().take_unreadable();
        try {
            files().xattrs(file.handle, [&](const Xattr& each) { found.push_back(each); });
        } catch (const Error& error) {
            if (error.code() != ExitCode::never_valid) throw;
            batch.missed.push_back({file.volume, file.path, "extended attributes", error.what()});
        }
        for (const Bad& bad : files().take_unreadable()) {
            const UnreadablePiece piece{files().place(bad.range), {}, bad.error};
            batch.missed.push_back({file.volume, file.path, "extended attributes", why_text(piece)});
        }
        add_xattrs(line, found);
    }

    static void hash(const Item& item, JsonLine& line, Batch& batch) {
        const auto miss = [&](const std::string& where, const std::string& why) {
            batch.missed.push_back({item.file.volume, item.file.path, where, why});
        };
        for (const UnreadablePiece& piece : item.hash->content.unreadable) miss(where_text(piece), why_text(piece));
        if (!item.hash->content.failure.empty()) miss("content", item.hash->content.failure);
        if (item.hash->sha256) line.text("sha256", *item.hash->sha256);
    }

    BlockSource& source_;
    const BrowsedVolume& volume_;
    const EntryStyle& style_;
    std::stop_token stop_;
    std::unique_ptr<FileSystem> files_;
};

EntryPrinter::EntryPrinter(BlockSource& source, const BrowsedVolume& volume, const EntryStyle& style, unsigned threads,
                           std::function<void(std::string_view)> print, Complaints complaints, std::stop_token stop)
    : volume_(volume), style_(style),
      hasher_([&source, &volume, stop] { return open_volume(source, volume.volume, stop); }, threads, stop),
      complaints_(std::move(complaints)), print_(std::move(print)),
      work_(
          threads,
          [&source, this, stop = std::move(stop)]() -> std::function<Batch(Batch&)> {
              auto worker = std::make_shared<Worker>(source, volume_, style_, stop);
              return [worker](Batch& batch) { return (*worker)(batch); };
          },
          [this](Batch&& batch) { this->print(std::move(batch)); }) {}

void EntryPrinter::add(const ListedFile& file) {
    if (!style_.hash) return add(file, nullptr);
    window_.push_back(file);
    if (window_.size() >= window_files) hash_window();
}

void EntryPrinter::hash_window() {
    const auto hashes = hasher_.hash(window_);
    for (size_t index = 0; index < window_.size(); index++) add(window_[index], hashes[index]);
    window_.clear();
    for (const std::string& each : hasher_.take_warnings()) complaints_.warning(each);
}

void EntryPrinter::add(const ListedFile& file, std::shared_ptr<const FileHash> hash) {
    if (batch_.items.empty()) batch_.items.resize(batch_files);
    Item& item = batch_.items[batch_.used++];
    item.file = file; // keeps the capacity of its texts
    item.hash = std::move(hash);
    if (batch_.used == batch_files) start_batch();
}

void EntryPrinter::start_batch() {
    work_.add(std::exchange(batch_, {}));
    if (spare_.empty()) return;
    batch_ = std::move(spare_.back());
    spare_.pop_back();
}

void EntryPrinter::print(Batch&& batch) {
    print_(batch.text);
    for (const NotCovered& each : batch.missed) complaints_.missed(each);
    for (const std::string& each : batch.warnings) complaints_.warning(each);
    batch.used = 0;
    batch.text.clear();
    batch.missed.clear();
    batch.warnings.clear();
    spare_.push_back(std::move(batch));
}

void EntryPrinter::finish() {
    hash_window();
    if (batch_.used > 0) start_batch();
    work_.finish();
}

} // namespace kanshiki
