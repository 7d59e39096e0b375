// Writes an E01 in segments: pieces compressed by the reading threads, gathered into sections of 16 MiB of the image,
// each written with its two tables when it is full. docs/formats/e01.md has the layout.
#include "acquire/block/sha256.h"
#include "acquire/evidence/ewf_index.h"
#include "acquire/evidence/ewf_pieces.h"
#include "acquire/evidence/formats.h"
#include "acquire/evidence/segment_writer.h"
#include "acquire/evidence/segments.h"
#include "kanshiki/checksum_list.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <ctime>

namespace kanshiki {
namespace {

using ewf::Bytes;
using ewf::compressed_bit;
using ewf::piece_size;

constexpr uint64_t default_split = uint64_t{1500} << 20; // EnCase's and ewfacquire's
constexpr size_t pieces_in_section = 512;                // 16 MiB of the image
constexpr uint64_t room_for_end = 4096;                  // next, or data, error table, digests and done
constexpr size_t most_errors = 1'000'000;                // ranges in the error table

int64_t seconds_of(const std::string& utc) {
    std::tm parts{};
    return ::strptime(utc.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) ? static_cast<int64_t>(::timegm(&parts)) : 0;
}

ewf::Header header_of(const SinkOptions& options) {
    const CaseInfo& about = options.case_info;
    return {about.authority,   about.case_id,
            about.evidence_id, about.examiner,
            about.note,        "kanshiki " KANSHIKI_VERSION,
            "Linux",           seconds_of(options.started)};
}

void append(Bytes& out, std::span<const std::byte> bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

// With its descriptor; `at` is where it will lie.
void append_section(Bytes& out, uint64_t at, const char* type, std::span<const std::byte> content) {
    const uint64_t size = ewf::section_size + content.size();
    append(out, ewf::render(ewf::Section{type, at + size, size}));
    append(out, content);
}

class E01Sink final : public EvidenceSink {
public:
    E01Sink(const std::filesystem::path& image, const SinkOptions& options)
        : options_(options), image_(image), files_(std::make_unique<SegmentWriter>(image)) {
        prepare();
        describe_set();
        begin_segment();
    }

    // Goes on with what index says of NAME.partial.E01.
    E01Sink(const std::filesystem::path& image, const SinkOptions& options, uint64_t from, ewf::Index index)
        : options_(options), image_(image), written_(from) {
        prepare();
        describe_set();
        const uint64_t pieces = (from + piece_size - 1) / piece_size;
        if (pieces == 0) {
            start_again();
            return;
        }
        const auto group = std::find_if(index.groups.begin(), index.groups.end(), [&](const ewf::Group& one) {
            return one.first < pieces && pieces <= one.first + one.count;
        });
        if (group == index.groups.end() || group->sectors == 0)
            throw Error(ExitCode::altered, partial_path(image).string() + ": cannot be followed to byte " +
                                               std::to_string(from) + " of the image");
        volume_.set_id = index.volume.set_id;
        reopen(index, *group, static_cast<uint32_t>(pieces - group->first));
    }

    std::string_view format() const override { return "e01"; }
    std::unique_ptr<Encoder> encoder() const override { return ewf::make_encoder(); }

    void write(const Chunk& chunk) override {
        const std::lock_guard lock(mutex_);
        if (chunk.kind == Kind::data)
            add_pieces(*chunk.encoded);
        else
            add_zeros(chunk.range.size);
        written_ = chunk.range.end();
    }

    uint64_t checkpoint() override {
        uint64_t upto;
        {
            const std::lock_guard lock(mutex_);
            upto = written_;
            write_open_section();
        }
        files_->sync();
        return upto;
    }

    uint64_t stored() const override { return stored_; }

    std::string describe(const ImageFacts& facts) override {
        facts_ = facts;
        const uint64_t sector = volume_.bytes_per_sector;
        bool whole = true;
        for (const Bad& bad : facts.bad) {
            const uint64_t first = bad.range.offset / sector, last = (bad.range.end() + sector - 1) / sector;
            if (last > UINT32_MAX || errors_.size() == most_errors)
                whole = false;
            else
                errors_.push_back({first, last - first});
        }
        return whole ? ""
                     : image_.filename().string() + ": its error table cannot hold all unreadable ranges (sectors "
                                                    "beyond 2^32, or too many): the map has them all";
    }

    void commit(uint64_t image_size) override {
        const std::lock_guard lock(mutex_);
        close_section();
        const ewf::Volume described = volume_;
        volume_ = ewf::describe_volume(image_size, options_.logical_sector);
        volume_.set_id = described.set_id;
        Bytes end;
        const auto add = [&](const char* type, const Bytes& content) {
            append_section(end, files_->size() + end.size(), type, content);
        };
        if (files_->number() == 1) add("data", ewf::render(volume_));
        if (!errors_.empty()) add("error2", ewf::render_errors(errors_));
        const auto md5 = facts_.digests.find(DigestAlgorithm::md5), sha1 = facts_.digests.find(DigestAlgorithm::sha1);
        if (md5 != facts_.digests.end() && sha1 != facts_.digests.end())
            add("digest", ewf::render_digest(md5->second, sha1->second));
        if (md5 != facts_.digests.end()) add("hash", ewf::render_hash(md5->second));
        append(end, ewf::render(ewf::Section{"done", files_->size() + end.size(), 0}));
        put(end);
        files_->finish(own_digest());
        if (ewf::render(volume_) != ewf::render(described)) amend_volumes();
    }

    void publish() override { files_->publish(); }

    std::vector<EvidenceFile> files(const std::optional<Digest>&) const override { return files_->finished(); }

private:
    void prepare() {
        const auto encoder = ewf::make_encoder();
        encoder->encode(std::vector<std::byte>(piece_size), zeros_);
        split_ = options_.split ? options_.split : default_split;
    }

    // The set's id tells segments of one image from those of another; the same acquisition gives the same.
    void describe_set() {
        volume_ = ewf::describe_volume(options_.size.value_or(0), options_.logical_sector);
        const CaseInfo& about = options_.case_info;
        const std::string text = about.case_id + '\0' + about.evidence_id + '\0' + options_.started;
        const Digest digest = sha256(std::as_bytes(std::span(text)));
        std::copy_n(digest.begin(), volume_.set_id.size(), volume_.set_id.begin());
    }

    std::optional<Digest> own_digest() const {
        if (!options_.hash_file) return {};
        Sha256 digest = digest_;
        return digest.finish();
    }

    void put(std::span<const std::byte> bytes) {
        files_->append(bytes);
        if (options_.hash_file) digest_.update(bytes);
        stored_ += bytes.size();
    }

    void begin_segment() {
        digest_ = {};
        Bytes start = ewf::file_header(static_cast<uint16_t>(files_->number()));
        const auto add = [&](const char* type, const Bytes& content) {
            append_section(start, start.size(), type, content);
        };
        if (files_->number() == 1) {
            const ewf::Header header = header_of(options_);
            const Bytes unicode = ewf::render_header2(header);
            add("header2", unicode);
            add("header2", unicode); // EnCase writes it twice
            add("header", ewf::render_header(header));
            add("volume", ewf::render(volume_));
            first_volume_ = start.size() - ewf::volume_size;
        } else {
            add("data", ewf::render(volume_));
        }
        put(start);
    }

    void end_segment() {
        put(ewf::render(ewf::Section{"next", files_->size(), 0}));
        files_->next(own_digest());
        begin_segment();
    }

    void add_pieces(const Encoded& encoded) {
        std::span<const std::byte> rest = encoded.bytes;
        for (const uint32_t piece : encoded.pieces) {
            const uint32_t size = piece & ~compressed_bit;
            add_piece(rest.first(size), piece & compressed_bit);
            rest = rest.subspan(size);
        }
    }

    void add_zeros(uint64_t size) {
        for (; size >= piece_size; size -= piece_size) add_pieces(zeros_);
        if (size == 0) return;
        Encoded last;
        ewf::make_encoder()->encode(std::vector<std::byte>(size), last);
        add_pieces(last);
    }

    void add_piece(std::span<const std::byte> piece, uint32_t compressed) {
        const uint64_t tables = 2 * (ewf::section_size + ewf::table_size(entries_.size() + 1));
        const uint64_t in_file = entries_.empty() ? files_->size() + ewf::section_size : start_ + section_.size();
        if (in_file + piece.size() + tables + room_for_end > split_) {
            close_section();
            end_segment();
        } else if (entries_.size() == pieces_in_section) {
            close_section();
        }
        if (entries_.empty()) {
            start_ = files_->size();
            section_.assign(ewf::section_size, {});
        }
        entries_.push_back(static_cast<uint32_t>(section_.size()) | compressed);
        append(section_, piece);
    }

    // What of the open section is not in the file yet; its descriptor says no size, so that readers know it as open.
    void write_open_section() {
        if (entries_.empty() || flushed_ == section_.size()) return;
        if (flushed_ == 0) put_descriptor({"sectors", start_ + ewf::section_size, ewf::section_size});
        files_->append(std::span(section_).subspan(flushed_));
        flushed_ = section_.size();
    }

    void put_descriptor(const ewf::Section& section) {
        const Bytes bytes = ewf::render(section);
        std::copy(bytes.begin(), bytes.end(), section_.begin());
    }

    void close_section() {
        if (entries_.empty()) return;
        put_descriptor({"sectors", start_ + section_.size(), section_.size()});
        const Bytes table = ewf::render(ewf::Table{start_, entries_});
        Bytes tables;
        for (const char* type : {"table", "table2"})
            append_section(tables, start_ + section_.size() + tables.size(), type, table);
        if (options_.hash_file) {
            digest_.update(section_);
            digest_.update(tables);
        }
        stored_ += section_.size() + tables.size();
        const size_t descriptor = flushed_ ? ewf::section_size : 0; // was written before, without its size
        Bytes& rest = tables;
        rest.insert(rest.begin(), section_.begin() + static_cast<std::ptrdiff_t>(flushed_), section_.end());
        files_->append(rest);
        if (descriptor) files_->write_at(start_, std::span(section_).first(descriptor));
        entries_.clear();
        section_.clear();
        flushed_ = 0;
    }

    // The size was not known at the start: it goes into every segment, and their digests are taken anew.
    void amend_volumes() {
        const Bytes content = ewf::render(volume_);
        const auto count = static_cast<uint32_t>(files_->finished().size());
        for (uint32_t number = 1; number <= count; ++number)
            files_->amend(number, number == 1 ? first_volume_ : ewf::file_header_size + ewf::section_size, content);
        for (uint32_t number = 1; number <= count && options_.hash_file; ++number)
            files_->finished()[number - 1].sha256 = sha256_of_file(partial_segment_path(image_, number));
    }

    void start_again() {
        files_ = std::make_unique<SegmentWriter>(image_, std::vector<EvidenceFile>{}, 0);
        begin_segment();
    }

    // The section that holds the last piece kept is opened again: it is written on, and closed when it is full.
    void reopen(const ewf::Index& index, const ewf::Group& group, uint32_t pieces) {
        const ewf::Table table = table_of(index, group);
        start_ = group.sectors;
        entries_.assign(table.entries.begin(), table.entries.begin() + pieces);
        const uint64_t end =
            pieces < group.count ? table.base + (table.entries[pieces] & ~compressed_bit) : group.data_end;
        section_.resize(end - start_);
        flushed_ = section_.size();
        std::vector<EvidenceFile> kept;
        for (uint32_t i = 0; i < group.segment; ++i) {
            kept.push_back({segment_path(image_, i + 1), index.sizes[i], {}});
            if (options_.hash_file) kept.back().sha256 = sha256_of_file(index.paths[i]);
            stored_ += index.sizes[i];
        }
        stored_ += start_;
        const int file = index.files[group.segment].get();
        if (!digest_of_start(file) || read_at(file, start_, section_) != static_cast<ssize_t>(section_.size()))
            throw Error(ExitCode::altered, index.paths[group.segment].string() + ": became shorter while it was read");
        first_volume_ = index.volume_at;
        files_ = std::make_unique<SegmentWriter>(image_, std::move(kept), end);
        put_descriptor({"sectors", start_ + ewf::section_size, ewf::section_size});
        files_->write_at(start_, std::span(section_).first(ewf::section_size));
    }

    bool digest_of_start(int file) {
        Bytes block(1024 * 1024);
        for (uint64_t at = 0; at < start_ && options_.hash_file;) {
            const auto part = std::span(block).first(std::min<uint64_t>(block.size(), start_ - at));
            if (read_at(file, at, part) != static_cast<ssize_t>(part.size())) return false;
            digest_.update(part);
            at += part.size();
        }
        return true;
    }

    ewf::Table table_of(const ewf::Index& index, const ewf::Group& group) const {
        if (group.recovered) return *group.recovered;
        Bytes bytes(ewf::table_size(group.count));
        std::optional<ewf::Table> table;
        if (read_at(index.files[group.segment].get(), group.table, bytes) == static_cast<ssize_t>(bytes.size()))
            table = ewf::parse_table(bytes);
        if (!table || table->entries.size() != group.count || table->base != group.sectors)
            throw Error(ExitCode::altered, index.paths[group.segment].string() + ": its last table cannot be read");
        return std::move(*table);
    }

    const SinkOptions options_;
    const std::filesystem::path image_;
    uint64_t split_ = 0;
    Encoded zeros_; // one piece of zeros
    ewf::Volume volume_;
    uint64_t first_volume_ = 0; // offset of its content in the first segment
    ImageFacts facts_;
    std::vector<Range> errors_; // sectors

    std::mutex mutex_; // all below, but for the atomics
    std::unique_ptr<SegmentWriter> files_;
    Sha256 digest_; // of the current segment up to the open section
    // The open section, from its descriptor on, and its table.
    uint64_t start_ = 0;
    Bytes section_;
    std::vector<uint32_t> entries_;
    size_t flushed_ = 0; // bytes of it that are in the file
    std::atomic<uint64_t> written_ = 0, stored_ = 0;
};

} // namespace

std::unique_ptr<EvidenceSink> create_e01(const std::filesystem::path& image, const SinkOptions& options) {
    return std::make_unique<E01Sink>(image, options);
}

std::unique_ptr<EvidenceSink> resume_e01(const std::filesystem::path& image, uint64_t from,
                                         const SinkOptions& options) {
    return std::make_unique<E01Sink>(image, options, from, ewf::read_index(partial_path(image), false));
}

} // namespace kanshiki
