#include "analyze/filesystem/cached_source.h"

#include <algorithm>
#include <cstring>

namespace kanshiki {
namespace {

constexpr size_t kept = 64 * 1024 * 1024; // bytes
// Metadata is scattered, so little is read at once; where going elsewhere costs a restart, more.
constexpr size_t scattered = 64 * 1024, onward = 256 * 1024;
// From here on a read is of a file's content, which is read once: past the cache.
constexpr size_t content = 256 * 1024;

constexpr uint64_t ahead = 16; // pieces at most that are read before anybody asks

bool serves_one(const SourceInfo& info) { return info.access != Access::random || info.lanes <= 1; }

} // namespace

CachedSource::CachedSource(BlockSource& below, size_t piece, size_t pieces)
    : below_(below), info_(below.info()), piece_size_(piece),
      limit_(std::max<size_t>(1, pieces / std::tuple_size_v<decltype(shards_)>)), serial_(serves_one(info_)),
      memory_(piece) {
    info_.access = Access::random;
    info_.lanes = std::max(8u, info_.lanes);
    info_.cached = true;
}

CachedSource::CachedSource(BlockSource& below)
    : CachedSource(below, serves_one(below.info()) ? onward : scattered,
                   kept / (serves_one(below.info()) ? onward : scattered)) {}

std::vector<Extent> CachedSource::extents(Range within, std::stop_token stop) {
    std::unique_lock turn(one_at_a_time_, std::defer_lock);
    if (serial_) turn.lock();
    return below_.extents(within, std::move(stop));
}

void CachedSource::fill(Piece& piece, const std::stop_token& stop) {
    piece.bytes = memory_.take();
    Read read;
    read.offset = piece.index * piece_size_;
    read.into = {piece.bytes.get(), piece_size_};
    std::unique_lock turn(one_at_a_time_, std::defer_lock);
    if (serial_) turn.lock();
    below_.read(read, stop);
    piece.got = read.got;
    piece.bad = std::move(read.bad);
}

std::shared_ptr<const CachedSource::Piece> CachedSource::piece(uint64_t index, const std::stop_token& stop) {
    Shard& shard = shards_[index % shards_.size()];
    std::unique_lock lock(shard.mutex);
    while (true) {
        const auto known = shard.found.find(index);
        if (known == shard.found.end()) return read_piece(index, lock, stop);
        const std::shared_ptr<Piece> found = known->second;
        if (found->ready) {
            shard.recent.splice(shard.recent.begin(), shard.recent, found->place);
            return found;
        }
        // Somebody reads it. Where several want the same piece at once they will want the next ones too.
        lock.unlock();
        const bool read = !serial_ && read_ahead(index, stop);
        lock.lock();
        const auto again = shard.found.find(index);
        if (!read && again != shard.found.end() && !again->second->ready)
            shard.ready.wait(lock); // should it fail, it is gone from `found` and read again
    }
}

// The first of the next pieces that is not there; false: all are, or are being read.
bool CachedSource::read_ahead(uint64_t index, const std::stop_token& stop) {
    for (uint64_t next = index + 1; next <= index + ahead; next++) {
        if (info_.size && next >= *info_.size / piece_size_) return false;
        Shard& shard = shards_[next % shards_.size()];
        std::unique_lock lock(shard.mutex);
        if (shard.found.contains(next)) continue;
        try {
            read_piece(next, lock, stop);
            return true;
        } catch (...) {
            return false; // what is wrong there meets whoever asks for it
        }
    }
    return false;
}

// lock: of its shard, where it is not found.
std::shared_ptr<const CachedSource::Piece> CachedSource::read_piece(uint64_t index, std::unique_lock<std::mutex>& lock,
                                                                    const std::stop_token& stop) {
    Shard& shard = shards_[index % shards_.size()];
    auto fresh = std::make_shared<Piece>();
    fresh->index = index;
    shard.found[index] = fresh;
    lock.unlock();
    try {
        fill(*fresh, stop);
    } catch (...) {
        lock.lock();
        shard.found.erase(index);
        shard.ready.notify_all();
        throw;
    }
    lock.lock();
    fresh->ready = true;
    shard.recent.push_front(fresh);
    fresh->place = shard.recent.begin();
    for (; shard.recent.size() > limit_; shard.recent.pop_back()) shard.found.erase(shard.recent.back()->index);
    shard.ready.notify_all();
    return fresh;
}

void CachedSource::read_past(Read& read, const std::stop_token& stop) {
    std::unique_lock turn(one_at_a_time_, std::defer_lock);
    if (serial_) turn.lock();
    below_.read(read, stop);
}

void CachedSource::read(Read& read, std::stop_token stop) {
    if (read.into.size() >= content) return read_past(read, stop);
    read.got = 0;
    read.kind = Kind::data;
    read.bad.clear();
    while (read.got < read.into.size()) {
        const uint64_t offset = read.offset + read.got;
        const auto held = piece(offset / piece_size_, stop);
        const auto inside = static_cast<size_t>(offset % piece_size_);
        if (inside >= held->got) return; // the end of the source
        const size_t size = std::min(read.into.size() - read.got, held->got - inside);
        std::memcpy(read.into.data() + read.got, held->bytes.get() + inside, size);
        for (const Bad& bad : held->bad) {
            const uint64_t from = std::max(bad.range.offset, offset), end = std::min(bad.range.end(), offset + size);
            if (from < end) read.bad.push_back({{from, end - from}, bad.error});
        }
        read.got += size;
    }
}

BlockSource& shareable(BlockSource& source, std::unique_ptr<BlockSource>& held) {
    if (source.info().cached) return source;
    held = std::make_unique<CachedSource>(source);
    return *held;
}

} // namespace kanshiki
