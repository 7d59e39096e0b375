#include "analyze/browse/entry_printer.h"

#include "analyze/browse/content.h"
#include "analyze/report/entry_line.h"
#include "analyze/report/file_mode.h"
#include "analyze/timeline/civil_time.h"
#include "kanshiki/digest.h"
#include "kanshiki/error.h"
#include "kanshiki/escape.h"

#include <cstring>
#include <fmt/format.h>

namespace kanshiki {
namespace {

constexpr size_t batch_files = 256;
constexpr uint64_t batch_content = 4 * 1024 * 1024;

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

    Printed operator()(Batch& batch) {
        Printed printed;
        for (const ListedFile& file : batch) printed.text += style_.json ? json(file, printed) : text(file);
        if (files_) printed.warnings = files_->take_warnings();
        return printed;
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

    std::string json(const ListedFile& file, Printed& printed) {
        JsonLine line;
        add_entry(line, file);
        if (has_own_content(file)) {
            if (style_.xattrs) xattrs(file, line, printed);
            if (style_.hash && file.info.type == FileType::regular) hash(file, line, printed);
        }
        return line.finish();
    }

    void xattrs(const ListedFile& file, JsonLine& line, Printed& printed) {
        std::vector<Xattr> found;
        files().take_unreadable();
        try {
            files().xattrs(file.handle, [&](const Xattr& each) { found.push_back(each); });
        } catch (const Error& error) {
            if (error.code() != ExitCode::never_valid) throw;
            printed.missed.push_back({file.volume, file.path, "extended attributes", error.what()});
        }
        for (const Bad& bad : files().take_unreadable()) {
            const UnreadablePiece piece{files().place(bad.range), {}, bad.error};
            printed.missed.push_back({file.volume, file.path, "extended attributes", why_text(piece)});
        }
        add_xattrs(line, found);
    }

    void hash(const ListedFile& file, JsonLine& line, Printed& printed) {
        const auto miss = [&](const std::string& where, const std::string& why) {
            printed.missed.push_back({file.volume, file.path, where, why});
        };
        if (const std::string why = too_large(files(), file.info.size); !why.empty()) return miss("content", why);
        const auto hasher = make_hasher(DigestAlgorithm::sha256);
        const ContentResult read = read_content(
            files(), file.handle, file.info.size,
            [&](uint64_t, std::span<const std::byte> bytes) { hasher->update(bytes); }, stop_);
        for (const UnreadablePiece& piece : read.unreadable) miss(where_text(piece), why_text(piece));
        if (!read.failure.empty()) miss("content", read.failure);
        if (read.whole())
            line.text("sha256", to_hex(hasher->finish())); // of other bytes it would be no hash of the file
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
      work_(
          threads,
          [&source, this, stop = std::move(stop)]() -> std::function<Printed(Batch&)> {
              auto worker = std::make_shared<Worker>(source, volume_, style_, stop);
              return [worker](Batch& batch) { return (*worker)(batch); };
          },
          [print = std::move(print), complaints = std::move(complaints)](Printed&& printed) {
              print(printed.text);
              for (const NotCovered& each : printed.missed) complaints.missed(each);
              for (const std::string& each : printed.warnings) complaints.warning(each);
          }) {}

void EntryPrinter::add(const ListedFile& file) {
    batch_.push_back(file);
    if (style_.hash && file.info.type == FileType::regular) batch_bytes_ += std::min(file.info.size, batch_content);
    if (batch_.size() >= batch_files || batch_bytes_ >= batch_content) send();
}

void EntryPrinter::send() {
    batch_bytes_ = 0;
    work_.add(std::exchange(batch_, {}));
}

void EntryPrinter::finish() {
    if (!batch_.empty()) send();
    work_.finish();
}

} // namespace kanshiki
