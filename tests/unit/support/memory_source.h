#pragma once
// Sources for tests: bytes in memory, with holes and faults where the test wants them.

#include "kanshiki/block_source.h"
#include "kanshiki/error.h"
#include "kanshiki/events.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <random>

namespace kanshiki::test {

inline std::vector<std::byte> random_bytes(size_t size, unsigned seed) {
    std::mt19937_64 generator(seed);
    std::vector<std::byte> out(size);
    for (size_t at = 0; at < size; at += 8) {
        const uint64_t word = generator();
        std::memcpy(out.data() + at, &word, std::min<size_t>(8, size - at));
    }
    return out;
}

// Data, runs of zeros, and data again: what a disk looks like. size need not be a multiple of anything.
inline std::vector<std::byte> disk_bytes(size_t size, unsigned seed) {
    std::vector<std::byte> out = random_bytes(size, seed);
    std::mt19937 generator(seed);
    constexpr size_t piece = 256 * 1024;
    for (size_t at = 0; at < size; at += piece)
        if (generator() % 2)
            std::fill_n(out.begin() + static_cast<std::ptrdiff_t>(at), std::min(piece, size - at), std::byte{0});
    return out;
}

class MemorySource final : public BlockSource {
public:
    explicit MemorySource(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {
        info_.uri = "memory";
        info_.kind = "memory";
        info_.size = bytes_.size();
        info_.lanes = 4;
    }
    const SourceInfo& info() const override { return info_; }

    std::vector<Extent> extents(Range within, std::stop_token) override {
        return holes.empty() ? std::vector<Extent>{{within, Kind::data}} : cut(within);
    }

    void read(Read& read, std::stop_token) override {
        if (before_read) before_read(read.offset);
        bytes_read += read.into.size();
        const uint64_t end = std::min<uint64_t>(bytes_.size(), read.offset + read.into.size());
        read.got = end > read.offset ? end - read.offset : 0;
        read.kind = Kind::data;
        read.bad.clear();
        std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(std::min<uint64_t>(read.offset, bytes_.size())),
                    read.got, read.into.begin());
        for (const Bad& one : bad) {
            const uint64_t from = std::max(one.range.offset, read.offset),
                           to = std::min(one.range.end(), read.offset + read.got);
            if (from >= to) continue;
            std::fill_n(read.into.begin() + static_cast<std::ptrdiff_t>(from - read.offset), to - from, std::byte{0});
            read.bad.push_back({{from, to - from}, one.error});
        }
    }

    SourceInfo info_;
    std::vector<Bad> bad;
    std::vector<Range> holes; // told by extents(); ascending
    std::function<void(uint64_t offset)> before_read;
    std::atomic<uint64_t> bytes_read = 0;

private:
    std::vector<Extent> cut(Range within) const {
        std::vector<Extent> out;
        uint64_t at = within.offset;
        for (const Range& hole : holes) {
            const uint64_t from = std::clamp(hole.offset, at, within.end()),
                           to = std::clamp(hole.end(), at, within.end());
            if (from > at) out.push_back({{at, from - at}, Kind::data});
            if (to > from) out.push_back({{from, to - from}, Kind::zero});
            at = std::max(at, to);
        }
        if (at < within.end()) out.push_back({{at, within.end() - at}, Kind::data});
        return out;
    }
    std::vector<std::byte> bytes_;
};

class QuietEvents final : public Events {
public:
    void report(const Event&) override {}
    void progress(const Progress&) override {}
};

} // namespace kanshiki::test
