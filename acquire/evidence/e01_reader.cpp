// Reads an E01 at any offset and from any thread: the pieces of a read are fetched at once and inflated by the thread
// that asks. What does not inflate is reported as unreadable (EILSEQ) in its own place; what the error table lists, as
// unreadable when the image was made.
#include "acquire/evidence/e01_reader.h"

#include "acquire/evidence/ewf_index.h"
#include "acquire/evidence/ewf_pieces.h"
#include "acquire/evidence/formats.h"

#include <algorithm>
#include <cerrno>
#include <list>
#include <mutex>
#include <thread>

namespace kanshiki {
namespace {

using ewf::Group;
using ewf::Table;

// The tables used lately: all readers of a stretch of the image need the same few.
class TableCache {
public:
    std::shared_ptr<const Table> find(uint64_t group) {
        const std::lock_guard lock(mutex_);
        const auto found =
            std::find_if(kept_.begin(), kept_.end(), [&](const auto& entry) { return entry.first == group; });
        if (found == kept_.end()) return nullptr;
        kept_.splice(kept_.begin(), kept_, found);
        return kept_.front().second;
    }
    void keep(uint64_t group, std::shared_ptr<const Table> table) {
        const std::lock_guard lock(mutex_);
        kept_.emplace_front(group, std::move(table));
        if (kept_.size() > most) kept_.pop_back();
    }

private:
    static constexpr size_t most = 32;
    std::mutex mutex_;
    std::list<std::pair<uint64_t, std::shared_ptr<const Table>>> kept_;
};

class E01Source final : public BlockSource {
public:
    E01Source(const std::filesystem::path& image, ewf::Index index, uint64_t upto)
        : index_(std::move(index)), piece_(index_.volume.piece()) {
        info_.uri = image.string();
        info_.kind = "e01";
        info_.size = std::min(held(), upto);
        const uint32_t sector = index_.volume.bytes_per_sector;
        if (sector >= 512 && (sector & (sector - 1)) == 0) info_.logical_sector = info_.physical_sector = sector;
        info_.lanes = std::max(1u, std::thread::hardware_concurrency());
        info_.identity = index_.header;
        if (!index_.md5.empty()) info_.identity.emplace_back(stored_md5, to_hex(index_.md5));
        if (!index_.sha1.empty()) info_.identity.emplace_back(stored_sha1, to_hex(index_.sha1));
    }

    const SourceInfo& info() const override { return info_; }

    void read(Read& read, std::stop_token) override {
        read.kind = Kind::data;
        read.bad.clear();
        const uint64_t end = std::min(*info_.size, read.offset + read.into.size());
        read.got = end > read.offset ? end - read.offset : 0;
        for (uint64_t at = read.offset; at < end;) at = read_from_group(at, end, read);
        add_recorded_errors(read);
    }

private:
    // Bytes of the image that the tables reach.
    uint64_t held() const {
        if (index_.pieces == 0) return 0;
        const uint64_t all = (index_.pieces - 1) * piece_ + index_.short_end.value_or(piece_);
        const uint64_t said = index_.volume.size();
        return index_.complete || index_.pieces == index_.volume.pieces ? std::min(all, said) : all;
    }

    // Of piece `number`: all are alike but for the last.
    uint64_t content(uint64_t number) const {
        if (number + 1 == index_.pieces && index_.short_end) return *index_.short_end;
        const uint64_t said = index_.volume.size(), at = number * piece_;
        return at < said && said - at < piece_ ? said - at : piece_;
    }

    std::shared_ptr<const Table> table_of(uint64_t number, const Group& group) {
        if (group.recovered) return group.recovered;
        if (auto found = tables_.find(number)) return found;
        ewf::Bytes bytes(ewf::table_size(group.count));
        const ssize_t got = read_at(index_.files[group.segment].get(), group.table, bytes);
        if (got != static_cast<ssize_t>(bytes.size())) return nullptr;
        std::optional<Table> table = ewf::parse_table(bytes);
        if (!table || table->entries.size() != group.count) return nullptr; // the file was changed meanwhile
        auto out = std::make_shared<const Table>(std::move(*table));
        tables_.keep(number, out);
        return out;
    }

    // Copies what one group has of [at, end); returns where the next one starts.
    uint64_t read_from_group(uint64_t at, uint64_t end, Read& read) {
        const auto after = std::upper_bound(index_.groups.begin(), index_.groups.end(), at / piece_,
                                            [](uint64_t piece, const Group& group) { return piece < group.first; });
        const Group& group = *std::prev(after);
        const auto table = table_of(static_cast<uint64_t>(after - index_.groups.begin()) - 1, group);
        const uint64_t group_end = std::min(end, (group.first + group.count) * piece_);
        if (!table) {
            fail(read, {at, group_end - at});
            return group_end;
        }
        while (at < group_end) at = read_run(group, *table, at, group_end, read);
        return group_end;
    }

    struct Stored {
        uint64_t offset, end;
        bool compressed;
    };
    static Stored place(const Group& group, const Table& table, size_t i) {
        const auto offset = [&](size_t k) { return table.base + (table.entries[k] & ~ewf::compressed_bit); };
        return {offset(i), i + 1 < table.entries.size() ? offset(i + 1) : group.data_end,
                (table.entries[i] & ewf::compressed_bit) != 0};
    }
    bool plausible(const Stored& stored) const {
        return stored.offset < stored.end && stored.end - stored.offset <= 2 * piece_ + 4096;
    }

    // As many pieces as one pread brings.
    uint64_t read_run(const Group& group, const Table& table, uint64_t at, uint64_t end, Read& read) {
        constexpr uint64_t most = 4 * 1024 * 1024;
        const size_t first = at / piece_ - group.first;
        const Stored begin = place(group, table, first);
        if (!plausible(begin)) return fail_piece(at, end, read);
        size_t last = first;
        uint64_t stored_end = begin.end;
        while ((group.first + last + 1) * piece_ < end) {
            const Stored next = place(group, table, last + 1);
            if (!plausible(next) || next.offset != stored_end || next.end - begin.offset > most) break;
            stored_end = next.end;
            ++last;
        }
        thread_local ewf::Bytes bytes;
        bytes.resize(stored_end - begin.offset);
        const ssize_t got = read_at(index_.files[group.segment].get(), begin.offset, bytes);
        const auto there = std::span<const std::byte>(bytes).first(got < 0 ? 0 : static_cast<size_t>(got));
        for (size_t i = first; i <= last; ++i) {
            const Stored stored = place(group, table, i);
            const uint64_t from = stored.offset - begin.offset,
                           to = std::min<uint64_t>(stored.end - begin.offset, there.size());
            at = copy_piece(group.first + i, from < to ? there.subspan(from, to - from) : there.first(0),
                            stored.compressed, at, end, read);
        }
        return at;
    }

    uint64_t copy_piece(uint64_t number, std::span<const std::byte> stored, bool compressed, uint64_t at, uint64_t end,
                        Read& read) {
        const uint64_t start = number * piece_, size = content(number);
        const uint64_t to = std::min(end, start + size);
        const auto into = read.into.subspan(at - read.offset, to - at);
        bool good;
        if (at == start) {
            good = ewf::decode(stored, compressed, size, into);
        } else {
            thread_local ewf::Bytes whole;
            whole.resize(to - start);
            good = ewf::decode(stored, compressed, size, whole);
            if (good) std::copy(whole.begin() + static_cast<std::ptrdiff_t>(at - start), whole.end(), into.begin());
        }
        if (!good) fail(read, {at, to - at});
        return to;
    }

    uint64_t fail_piece(uint64_t at, uint64_t end, Read& read) const {
        const uint64_t to = std::min(end, (at / piece_ + 1) * piece_);
        fail(read, {at, to - at});
        return to;
    }

    static void fail(Read& read, Range range) {
        const auto into = read.into.subspan(range.offset - read.offset, range.size);
        std::fill(into.begin(), into.end(), std::byte{0});
        if (!read.bad.empty() && read.bad.back().range.end() == range.offset)
            read.bad.back().range.size += range.size;
        else
            read.bad.push_back({range, EILSEQ});
    }

    // Where nothing worse is to be told of the range.
    void add_recorded_errors(Read& read) const {
        const uint64_t end = read.offset + read.got;
        auto at = std::partition_point(index_.errors.begin(), index_.errors.end(),
                                       [&](const Range& range) { return range.end() <= read.offset; });
        const std::vector<Bad> damaged = read.bad;
        for (; at != index_.errors.end() && at->offset < end; ++at) {
            const uint64_t from = std::max(at->offset, read.offset), to = std::min(at->end(), end);
            const bool damage = std::any_of(damaged.begin(), damaged.end(), [&](const Bad& bad) {
                return bad.range.offset < to && from < bad.range.end();
            });
            if (!damage) read.bad.push_back({{from, to - from}, recorded_unreadable});
        }
        std::sort(read.bad.begin(), read.bad.end(),
                  [](const Bad& a, const Bad& b) { return a.range.offset < b.range.offset; });
    }

    const ewf::Index index_;
    const uint64_t piece_;
    SourceInfo info_;
    TableCache tables_;
};

} // namespace

std::unique_ptr<BlockSource> open_e01(const std::filesystem::path& file) {
    return std::make_unique<E01Source>(file, ewf::read_index(file, true), ~uint64_t{0});
}

std::unique_ptr<BlockSource> salvage_e01(const std::filesystem::path& file, uint64_t upto) {
    return std::make_unique<E01Source>(file, ewf::read_index(file, false), upto);
}

} // namespace kanshiki
