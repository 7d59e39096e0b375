#pragma once
// A decorator that lets many workers read a source which serves one read at a time (a stream behind SSH): reads are
// taken one by one in aligned pieces and kept in a bounded cache. Thread-safe.

#include "kanshiki/block_source.h"

#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace kanshiki {

class CachedSource : public BlockSource {
public:
    explicit CachedSource(BlockSource& below, size_t piece = 256 * 1024, size_t pieces = 128);
    const SourceInfo& info() const override { return info_; }
    std::vector<Extent> extents(Range within, std::stop_token stop) override;
    void read(Read& read, std::stop_token stop) override;

private:
    struct Piece {
        uint64_t index = 0;
        std::vector<std::byte> bytes;
        std::vector<Bad> bad;
    };
    using Pieces = std::list<std::shared_ptr<const Piece>>;
    std::shared_ptr<const Piece> piece(uint64_t index, std::stop_token stop);

    BlockSource& below_;
    SourceInfo info_;
    const size_t piece_size_, limit_;
    std::mutex mutex_; // of all below; also held while the source reads: it takes one read at a time anyway
    Pieces recent_;    // most recently used first
    std::unordered_map<uint64_t, Pieces::iterator> found_;
};

// The source itself where it already serves concurrent reads, else `held`, set to a cache in front of it.
BlockSource& shareable(BlockSource& source, std::unique_ptr<BlockSource>& held);

} // namespace kanshiki
