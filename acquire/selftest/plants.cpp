#include "acquire/selftest/plants.h"

#include "acquire/block/aligned_buffer.h"

#include <algorithm>

namespace kanshiki::selftest {
namespace {

constexpr Plant table[] = {
    {"shift", "after the first unreadable sector everything comes a sector early, as from dd conv=noerror"},
    {"block", "a whole block of 64 KiB is zeros for one unreadable sector, as from dd bs=64K conv=noerror,sync"},
    {"stale", "an unreadable sector is filled with what another one held"},
    {"unreported", "an unreadable sector is zeros, and nobody is told"},
    {"misplaced", "an unreadable sector is reported as the one after it"},
    {"error-type", "the kind of error is reported wrongly"},
    {"tail", "the last sector is lost, the size being no multiple of the block's"},
    {"bit", "one bit of one sector is read wrongly"},
    {"leaf", "one digest of the chunk list is wrong"},
    {"log-line", "a line of the log is missing"},
    {"room", "the destination is not full, though it should be"},
    {"changed", "the image was changed that should be unchanged"},
    {"blind", "the image is unchanged that should be changed"},
    {"convert", "a converted image differs in one byte"},
    {"threads", "an image made by other threads differs in one byte"},
    {"source", "the source is written to"},
};

// Passes reads on and spoils what comes back.
class Spoiled : public BlockSource {
public:
    explicit Spoiled(std::unique_ptr<BlockSource> source) : source_(std::move(source)) {}
    const SourceInfo& info() const override { return source_->info(); }
    void read(Read& read, std::stop_token stop) override {
        source_->read(read, stop);
        spoil(read, stop);
    }

protected:
    virtual void spoil(Read& read, std::stop_token stop) = 0;
    uint64_t sector() const { return info().logical_sector; }
    BlockSource& source() { return *source_; }
    static std::span<std::byte> part(Read& read, Range range) {
        const uint64_t from = std::clamp(range.offset, read.offset, read.offset + read.got);
        const uint64_t to = std::clamp(range.end(), read.offset, read.offset + read.got);
        return read.into.subspan(from - read.offset, to - from);
    }

private:
    std::unique_ptr<BlockSource> source_;
};

class Shift final : public Spoiled {
public:
    explicit Shift(std::unique_ptr<BlockSource> whole) : Spoiled(std::move(whole)), first_(find_first()) {}
    // The first unreadable sector is left out; the end is filled up with zeros.
    void read(Read& read, std::stop_token stop) override {
        source().read(read, stop);
        if (read.offset + read.got <= first_) return;
        const uint64_t from = std::max(read.offset, first_);
        const auto into = part(read, {from, read.offset + read.got - from});
        AlignedBuffer buffer(into.size());
        Read later{.offset = from + sector(), .into = buffer.span()};
        source().read(later, stop);
        std::fill(into.begin(), into.end(), std::byte{0});
        std::copy_n(buffer.span().begin(), later.got, into.begin());
    }

private:
    void spoil(Read&, std::stop_token) override {}
    uint64_t find_first() {
        AlignedBuffer buffer(1 << 20);
        for (uint64_t at = 0; at < info().size.value_or(0); at += buffer.size()) {
            Read read{.offset = at, .into = buffer.span()};
            source().read(read, {});
            if (!read.bad.empty()) return read.bad.front().range.offset;
        }
        return ~uint64_t{0};
    }
    const uint64_t first_;
};

class Block final : public Spoiled {
    using Spoiled::Spoiled;
    void spoil(Read& read, std::stop_token) override {
        constexpr uint64_t block = 64 * 1024;
        for (const Bad& bad : read.bad) {
            const auto lost = part(read, {bad.range.offset / block * block, block});
            std::fill(lost.begin(), lost.end(), std::byte{0});
        }
    }
};

class Stale final : public Spoiled {
    using Spoiled::Spoiled;
    void spoil(Read& read, std::stop_token) override {
        for (const Bad& bad : read.bad) {
            const auto filled = part(read, bad.range);
            std::fill(filled.begin(), filled.end(), std::byte{0x5a});
        }
    }
};

class Unreported final : public Spoiled {
    using Spoiled::Spoiled;
    void spoil(Read& read, std::stop_token) override { read.bad.clear(); }
};

class Misplaced final : public Spoiled {
    using Spoiled::Spoiled;
    void spoil(Read& read, std::stop_token) override {
        for (Bad& bad : read.bad)
            if (bad.range.end() + sector() <= read.offset + read.got) bad.range.offset += sector();
    }
};

class ErrorType final : public Spoiled {
    using Spoiled::Spoiled;
    void spoil(Read& read, std::stop_token) override {
        for (Bad& bad : read.bad) bad.error = bad.error == EIO ? ENXIO : EIO;
    }
};

class Tail final : public Spoiled {
    using Spoiled::Spoiled;
    void spoil(Read& read, std::stop_token) override {
        const uint64_t size = info().size.value_or(0);
        const auto lost = part(read, {size - std::min(size, sector()), sector()});
        std::fill(lost.begin(), lost.end(), std::byte{0});
    }
};

class Bit final : public Spoiled {
    using Spoiled::Spoiled;
    void spoil(Read& read, std::stop_token) override {
        const auto one = part(read, {sector() * 3 + 100, 1});
        if (!one.empty()) one.front() ^= std::byte{4};
    }
};

template<class Kind>
std::unique_ptr<BlockSource> spoiled(std::unique_ptr<BlockSource> source) {
    return std::make_unique<Kind>(std::move(source));
}

struct Maker {
    std::string_view plant;
    bool faulty; // of the disk with unreadable sectors, or of the one without
    std::unique_ptr<BlockSource> (*make)(std::unique_ptr<BlockSource>);
};
constexpr Maker makers[] = {
    {"shift", true, spoiled<Shift>},         {"block", true, spoiled<Block>},
    {"stale", true, spoiled<Stale>},         {"unreported", true, spoiled<Unreported>},
    {"misplaced", true, spoiled<Misplaced>}, {"error-type", true, spoiled<ErrorType>},
    {"tail", false, spoiled<Tail>},          {"bit", false, spoiled<Bit>},
};

} // namespace

std::span<const Plant> plants() { return table; }

std::unique_ptr<BlockSource> planted(std::unique_ptr<BlockSource> source, std::string_view plant, bool faulty) {
    for (const Maker& maker : makers)
        if (maker.plant == plant && maker.faulty == faulty) return maker.make(std::move(source));
    return source;
}

} // namespace kanshiki::selftest
