#include "acquire/evidence/ewf_index.h"

#include "acquire/evidence/ewf_pieces.h"
#include "acquire/evidence/segments.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <sys/resource.h>
#include <sys/stat.h>

namespace kanshiki::ewf {
namespace {

constexpr uint64_t largest_body = 2 * 1024 * 1024; // of a section that is read as a whole
constexpr uint64_t largest_error_table = 64 * 1024 * 1024;
constexpr std::string_view known_types[] = {"header2", "header", "volume", "disk", "data",   "sectors", "table2",
                                            "table",   "next",   "done",   "hash", "digest", "error2",  "session"};

void allow_many_files() {
    struct rlimit limit {};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

// One walk over all segments.
class Walk {
public:
    Walk(const std::filesystem::path& image, bool strict) : image_(image), strict_(strict) {}

    Index run() {
        for (uint32_t number = 1; number <= most_segments(image_); ++number) {
            if (!open_segment(number)) break;
            const bool more = walk_segment();
            if (index_.complete || !more) break;
        }
        finish();
        return std::move(index_);
    }

private:
    [[noreturn]] void refuse(uint64_t at, const std::string& why) const {
        throw Error(ExitCode::never_valid,
                    index_.paths.back().string() + ": E01 section at byte " + std::to_string(at) + ": " + why);
    }
    // False: it is to be left out (a strict walk has thrown).
    bool wrong(uint64_t at, const std::string& why) const {
        if (strict_) refuse(at, why);
        return false;
    }

    bool open_segment(uint32_t number) {
        const std::filesystem::path path = find_segment(image_, number);
        FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
        if (!file && errno == EMFILE) {
            allow_many_files();
            file = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
        }
        struct stat status {};
        if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
            if (strict_ || number == 1)
                throw Error(ExitCode::never_valid,
                            path.string() + ": segment " + std::to_string(number) +
                                " of the image: " + (file ? "no regular file" : std::strerror(errno)));
            return false;
        }
        index_.paths.push_back(path);
        index_.files.push_back(std::move(file));
        index_.sizes.push_back(static_cast<uint64_t>(status.st_size));
        const std::optional<uint16_t> given = parse_file_header(read(0, file_header_size));
        if (given == static_cast<uint16_t>(number)) return true;
        if (!strict_ && index_.sizes.back() > file_header_size) return true; // damaged there
        if (!strict_) return false;                                          // begun, and broken off
        refuse(0, given ? "it is segment " + std::to_string(*given) + ", not " + std::to_string(number)
                        : "no EWF signature (only EWF version 1 is read: E01, not Ex01, L01 or s01)");
    }

    Bytes read(uint64_t at, uint64_t size) const {
        const uint64_t file_size = index_.sizes.back();
        Bytes out(at < file_size ? std::min(size, file_size - at) : 0);
        const ssize_t got = read_at(index_.files.back().get(), at, out);
        out.resize(got < 0 ? 0 : static_cast<size_t>(got));
        return out;
    }

    // Whether another segment is to follow.
    bool walk_segment() {
        sectors_ = 0;
        after_table_ = false;
        for (uint64_t at = file_header_size;;) {
            std::optional<Section> section = parse_section(read(at, section_size));
            if (!section) {
                wrong(at, "no section descriptor, or its checksum is wrong");
                const std::optional<uint64_t> found = search(at);
                if (!found) return false;
                at = *found;
                continue;
            }
            if (section->type == "done") return index_.complete = true, false;
            if (section->type == "next") return true;
            if (section->next <= at || section->next > index_.sizes.back()) {
                wrong(at, section->type + ": the next section would be at byte " + std::to_string(section->next));
                section->next = at + section_size; // searched from there
            }
            if (section->size != section->next - at)
                wrong(at, section->type + ": its size is " + std::to_string(section->size) +
                              ", the next section lies " + std::to_string(section->next - at) + " bytes on");
            const uint64_t end = section->size >= section_size && section->size <= index_.sizes.back() - at
                                     ? at + section->size
                                     : section->next;
            if (!strict_ && section->type == "sectors" && end == at + section_size) { // not closed yet, or empty
                sectors_ = at;
                if (follow_pieces()) return false;
            } else {
                take(*section, at, end);
            }
            at = section->next;
        }
    }

    // The next descriptor that is right, from `from` on.
    std::optional<uint64_t> search(uint64_t from) const {
        constexpr uint64_t block = 1024 * 1024;
        for (uint64_t at = from; at + section_size <= index_.sizes.back(); at += block) {
            const Bytes bytes = read(at, block + section_size);
            const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
            size_t first = std::string_view::npos;
            for (const std::string_view type : known_types)
                for (size_t found = text.find(type); found < std::min(first, size_t{block});
                     found = text.find(type, found + 1))
                    if (parse_section(std::span(bytes).subspan(found))) first = found;
            if (first != std::string_view::npos) return at + first;
        }
        return {};
    }

    void take(const Section& section, uint64_t at, uint64_t end) {
        const bool table = section.type == "table", copy = section.type == "table2";
        if (section.type == "sectors") {
            sectors_ = at;
            after_table_ = false;
            return;
        }
        if (table || copy) return take_table(at, end, copy);
        if (section.type == "session" || section.type == "ltree" || section.type == "ltypes") return;
        const uint64_t most = section.type == "error2" ? largest_error_table : largest_body;
        if (end - at - section_size > most) {
            wrong(at, section.type + " is too large");
            return;
        }
        const Bytes body = read(at + section_size, end - at - section_size);
        if (section.type == "header" || section.type == "header2")
            take_header(section.type == "header2", body, at);
        else if (section.type == "volume" || section.type == "disk" || section.type == "data")
            take_volume(section.type, body, at);
        else if (section.type == "hash" || section.type == "digest")
            take_digests(section.type == "digest", body, at);
        else if (section.type == "error2")
            take_errors(body, at);
    }

    void take_header(bool unicode, const Bytes& body, uint64_t at) {
        std::optional<Texts> texts = parse_header(body);
        if (!texts) return void(wrong(at, "the header does not inflate"));
        if (index_.header.empty() || (unicode && !unicode_header_)) index_.header = std::move(*texts);
        unicode_header_ |= unicode;
    }

    void take_volume(const std::string& type, const Bytes& body, uint64_t at) {
        const std::optional<Volume> volume = parse_volume(body);
        if (!volume) return void(wrong(at, type + ": its checksum is wrong, or it is of the SMART kind"));
        const uint64_t piece = volume->piece();
        if (piece == 0 || piece > largest_piece || volume->sectors > uint64_t{INT64_MAX} / volume->bytes_per_sector ||
            volume->pieces != (volume->size() + piece - 1) / piece)
            return void(wrong(at, type + ": sectors, bytes per sector and chunks do not fit together"));
        if (!volume_) {
            volume_ = index_.volume = *volume;
            index_.volume_at = at + section_size;
        }
        if (volume->size() != volume_->size() || piece != volume_->piece() || volume->set_id != volume_->set_id)
            wrong(at, type + ": describes another image than the first segment");
    }

    void take_digests(bool both, const Bytes& body, uint64_t at) {
        const auto good = checked(body, both ? 80 : 36);
        if (!good) return void(wrong(at, "its checksum is wrong"));
        const auto present = [](std::span<const std::byte> bytes) {
            return std::any_of(bytes.begin(), bytes.end(), [](std::byte b) { return b != std::byte{0}; });
        };
        const auto md5 = good->first(16);
        if (!index_.md5.empty() && !std::equal(md5.begin(), md5.end(), index_.md5.begin()))
            wrong(at, "its MD5 is not that of the other section");
        if (present(md5)) index_.md5.assign(md5.begin(), md5.end());
        if (both && present(good->subspan(16, 20))) index_.sha1.assign(good->begin() + 16, good->begin() + 36);
    }

    void take_errors(const Bytes& body, uint64_t at) {
        const std::optional<std::vector<Range>> sectors = parse_errors(body);
        if (!sectors) return void(wrong(at, "error table: its checksum is wrong"));
        sector_errors_.insert(sector_errors_.end(), sectors->begin(), sectors->end());
    }

    void take_table(uint64_t at, uint64_t end, bool copy) {
        const uint64_t body = at + section_size;
        std::optional<Table> table = parse_table(read(body, std::min<uint64_t>(end - body, table_size(largest_table))));
        const bool second = copy && after_table_;
        after_table_ = !copy && table;
        if (!table) return void(wrong(at, "table: its checksum is wrong, or it is of the SMART kind"));
        if (second) { // the copy of one that was taken
            if (*table != last_table_) wrong(at, "the two copies of the table differ");
            return;
        }
        if (copy) wrong(at, "a table2 without a table");
        if (table->entries.empty()) return;
        Group group{static_cast<uint32_t>(index_.files.size() - 1),
                    index_.pieces,
                    static_cast<uint32_t>(table->entries.size()),
                    sectors_,
                    0,
                    body,
                    nullptr};
        // Pieces lie in a section of their own before the table; EnCase 1 has them behind the entries.
        const uint64_t first = table->base + (table->entries.front() & ~compressed_bit);
        group.data_end = first < at ? at : end;
        check_order(*table, group.data_end, at);
        last_table_ = std::move(*table);
        sectors_ = 0;
        append(std::move(group));
    }

    void check_order(const Table& table, uint64_t data_end, uint64_t at) const {
        uint64_t before = file_header_size - 1;
        for (const uint32_t entry : table.entries) {
            const uint64_t offset = table.base + (entry & ~compressed_bit);
            if (offset < table.base || offset <= before || offset >= data_end) {
                wrong(at, "table: its entries point outside their sectors");
                return;
            }
            before = offset;
        }
    }

    void append(Group group) {
        index_.pieces += group.count;
        index_.groups.push_back(std::move(group));
    }

    // The pieces of a sectors section that has no table yet. False: a table follows them after all.
    bool follow_pieces() {
        const uint64_t piece = volume_ ? volume_->piece() : piece_size;
        auto table = std::make_shared<Table>();
        table->base = sectors_;
        uint64_t at = sectors_ + section_size;
        while (table->entries.size() < largest_table && !index_.short_end) {
            const Bytes here = read(at, piece + piece / 8 + 64);
            const std::optional<Followed> found = follow(here, piece);
            if (!found || at - sectors_ >= compressed_bit) break;
            table->entries.push_back(static_cast<uint32_t>(at - sectors_) | (found->compressed ? compressed_bit : 0));
            if (found->content < piece) index_.short_end = found->content;
            at += found->stored;
        }
        if (parse_section(read(at, section_size))) {
            index_.short_end.reset();
            return false;
        }
        if (table->entries.empty()) return true;
        append({static_cast<uint32_t>(index_.files.size() - 1), index_.pieces,
                static_cast<uint32_t>(table->entries.size()), sectors_, at, 0, std::move(table)});
        return true;
    }

    void finish() {
        if (strict_ && !index_.complete) refuse(0, "the last segment has no end: unfinished or cut short");
        if (strict_ && !volume_) refuse(0, "there is no volume section");
        if (strict_ && index_.pieces != volume_->pieces)
            refuse(0, "the tables have " + std::to_string(index_.pieces) + " chunks, the volume section says " +
                          std::to_string(volume_->pieces));
        if (!volume_) index_.volume = describe_volume(0, 512);
        std::sort(sector_errors_.begin(), sector_errors_.end(),
                  [](const Range& a, const Range& b) { return a.offset < b.offset; });
        for (const Range& sectors : sector_errors_) {
            Range range{sectors.offset * index_.volume.bytes_per_sector, sectors.size * index_.volume.bytes_per_sector};
            if (!index_.errors.empty() && range.offset <= index_.errors.back().end()) {
                Range& last = index_.errors.back();
                last.size = std::max(last.end(), range.end()) - last.offset;
            } else if (range.size > 0) {
                index_.errors.push_back(range);
            }
        }
    }

    const std::filesystem::path image_;
    const bool strict_;
    Index index_;
    std::optional<Volume> volume_;
    bool unicode_header_ = false;
    std::vector<Range> sector_errors_;
    uint64_t sectors_ = 0; // the sectors section whose table is still to come
    bool after_table_ = false;
    Table last_table_;
};

} // namespace

Index read_index(const std::filesystem::path& image, bool strict) { return Walk(image, strict).run(); }

} // namespace kanshiki::ewf
