#pragma once
// Reads no faster than a production host can bear.

#include "kanshiki/block_source.h"

#include <chrono>
#include <memory>
#include <mutex>

namespace kanshiki {

// A decorator: over any second no more than `rate` bytes are asked of the source below, but for one read at the
// beginning. Zero ranges that the source knows of cost nothing, since they are not read.
class RateLimit final : public BlockSource {
public:
    RateLimit(std::unique_ptr<BlockSource> below, uint64_t rate) : below_(std::move(below)), rate_(rate) {}
    const SourceInfo& info() const override { return below_->info(); }
    std::vector<Extent> extents(Range within, std::stop_token stop) override { return below_->extents(within, stop); }
    void read(Read& read, std::stop_token stop) override;

private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point book(uint64_t bytes); // when a read of so much may begin

    const std::unique_ptr<BlockSource> below_;
    const uint64_t rate_; // bytes a second, not 0
    std::mutex mutex_;
    Clock::time_point free_at_{}; // when all that was booked has had its time
};

} // namespace kanshiki
