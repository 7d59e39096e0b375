#pragma once
// One cache for all who read a source: aligned pieces, each read once however many ask for it, a bounded number kept.
// Misses of different pieces go to the source at the same time, unless it serves one read at a time (a stream behind
// SSH): then they wait in line. Thread-safe.

#include "analyze/filesystem/piece_memory.h"
#include "kanshiki/block_source.h"

#include <array>
#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace kanshiki {

class CachedSource : public BlockSource {
public:
    // piece: bytes, a power of two.
    CachedSource(BlockSource& below, size_t piece, size_t pieces);
    explicit CachedSource(BlockSource& below); // as large as that source needs it
    const SourceInfo& info() const override { return info_; }
    std::vector<Extent> extents(Range within, std::stop_token stop) override;
    void read(Read& read, std::stop_token stop) override;

private:
    struct Piece {
        uint64_t index = 0;
        bool ready = false;
        PieceMemory::Pointer bytes{nullptr, {}};
        size_t got = 0;
        std::vector<Bad> bad;
        std::list<std::shared_ptr<Piece>>::iterator place;
    };
    struct Shard {
        std::mutex mutex; // of all below, and of `ready` and `place` of its pieces
        std::condition_variable ready;
        std::list<std::shared_ptr<Piece>> recent; // most recently used first; ready ones only
        std::unordered_map<uint64_t, std::shared_ptr<Piece>> found;
    };
    std::shared_ptr<const Piece> piece(uint64_t index, const std::stop_token& stop);
    std::shared_ptr<const Piece> read_piece(uint64_t index, std::unique_lock<std::mutex>& lock,
                                            const std::stop_token& stop);
    bool read_ahead(uint64_t index, const std::stop_token& stop);
    void fill(Piece& piece, const std::stop_token& stop);
    void read_past(Read& read, const std::stop_token& stop);

    BlockSource& below_;
    SourceInfo info_;
    const size_t piece_size_, limit_; // pieces in each shard
    const bool serial_;
    std::mutex one_at_a_time_; // held while a serial source reads
    PieceMemory memory_;
    std::array<Shard, 16> shards_;
};

// The source itself where it is such a cache already, else `held`, set to one in front of it.
BlockSource& shareable(BlockSource& source, std::unique_ptr<BlockSource>& held);

} // namespace kanshiki
