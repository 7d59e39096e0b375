#include "analyze/filesystem/cached_source.h"

#include <algorithm>
#include <cstring>

namespace kanshiki {

CachedSource::CachedSource(BlockSource& below, size_t piece, size_t pieces)
    : below_(below), info_(below.info()), piece_size_(piece), limit_(pieces) {
    info_.access = Access::random;
    info_.lanes = 8;
}

std::vector<Extent> CachedSource::extents(Range within, std::stop_token stop) {
    const std::lock_guard lock(mutex_);
    return below_.extents(within, std::move(stop));
}

std::shared_ptr<const CachedSource::Piece> CachedSource::piece(uint64_t index, std::stop_token stop) {
    const std::lock_guard lock(mutex_);
    const auto known = found_.find(index);
    if (known != found_.end()) {
        recent_.splice(recent_.begin(), recent_, known->second);
        return recent_.front();
    }
    auto fresh = std::make_shared<Piece>();
    fresh->index = index;
    fresh->bytes.resize(piece_size_);
    Read read;
    read.offset = index * piece_size_;
    read.into = fresh->bytes;
    below_.read(read, std::move(stop));
    fresh->bytes.resize(read.got);
    fresh->bad = std::move(read.bad);
    if (recent_.size() >= limit_) {
        found_.erase(recent_.back()->index);
        recent_.pop_back();
    }
    recent_.push_front(fresh);
    found_[index] = recent_.begin();
    return fresh;
}

void CachedSource::read(Read& read, std::stop_token stop) {
    read.got = 0;
    read.kind = Kind::data;
    read.bad.clear();
    while (read.got < read.into.size()) {
        const uint64_t offset = read.offset + read.got;
        const auto held = piece(offset / piece_size_, stop);
        const auto inside = static_cast<size_t>(offset % piece_size_);
        if (inside >= held->bytes.size()) return; // the end of the source
        const size_t size = std::min(read.into.size() - read.got, held->bytes.size() - inside);
        std::memcpy(read.into.data() + read.got, held->bytes.data() + inside, size);
        for (const Bad& bad : held->bad) {
            const uint64_t from = std::max(bad.range.offset, offset), end = std::min(bad.range.end(), offset + size);
            if (from < end) read.bad.push_back({{from, end - from}, bad.error});
        }
        read.got += size;
    }
}

BlockSource& shareable(BlockSource& source, std::unique_ptr<BlockSource>& held) {
    const SourceInfo& info = source.info();
    if (info.access == Access::random && info.lanes > 1) return source;
    held = std::make_unique<CachedSource>(source);
    return *held;
}

} // namespace kanshiki
