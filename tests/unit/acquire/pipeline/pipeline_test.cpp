#include "kanshiki/pipeline.h"

#include "kanshiki/error.h"
#include "unit/support/memory_source.h"

#include <condition_variable>
#include <gmock/gmock.h>
#include <mutex>
#include <thread>

namespace kanshiki {
namespace {

using test::disk_bytes;
using test::MemorySource;

// Keeps everything in memory; tests make it fail or wait.
class MemorySink final : public EvidenceSink {
public:
    std::string_view format() const override { return "memory"; }
    void write(const Chunk& chunk) override {
        if (on_write) on_write(chunk.range);
        EXPECT_EQ(chunk.range.offset, bytes.size()) << "out of order";
        bytes.resize(chunk.range.end());
        if (chunk.kind == Kind::data)
            std::copy(chunk.data.begin(), chunk.data.end(),
                      bytes.begin() + static_cast<std::ptrdiff_t>(chunk.range.offset));
        else
            zero_writes += 1;
        written = chunk.range.end();
    }
    uint64_t checkpoint() override {
        if (on_checkpoint) on_checkpoint();
        return written;
    }
    uint64_t stored() const override { return written; }
    void commit(uint64_t) override {}
    void publish() override {}
    std::vector<EvidenceFile> files(const std::optional<Digest>&) const override { return {}; }

    std::vector<std::byte> bytes;
    unsigned zero_writes = 0;
    std::atomic<uint64_t> written = 0;
    std::function<void(Range)> on_write;
    std::function<void()> on_checkpoint;
};

struct Seen final : LeafObserver, CheckpointObserver {
    void leaf(const LeafRun& run) override {
        for (uint64_t i = 0; i < run.count; ++i) leaves.push_back(run.leaf);
        bad.insert(bad.end(), run.bad.begin(), run.bad.end());
    }
    void durable(uint64_t upto) override {
        EXPECT_GE(upto, durable_upto);
        durable_upto = upto;
    }
    std::vector<Digest> leaves;
    std::vector<Bad> bad;
    std::atomic<uint64_t> durable_upto = 0;
};

struct Expected {
    std::vector<Digest> leaves;
    Digest root, whole;
};

Expected straight(std::span<const std::byte> bytes) {
    Expected out;
    MerkleBuilder tree;
    for (size_t at = 0; at < bytes.size(); at += chunk_size) {
        out.leaves.push_back(sha256(bytes.subspan(at, std::min<size_t>(chunk_size, bytes.size() - at))));
        tree.append(out.leaves.back());
    }
    out.root = tree.root();
    out.whole = sha256(bytes);
    return out;
}

std::vector<std::byte> as_bytes(const Digest& digest) { return {digest.begin(), digest.end()}; }

class AnyThreads : public testing::TestWithParam<unsigned> {};
INSTANTIATE_TEST_SUITE_P(Pipeline, AnyThreads, testing::Values(1, 2, 8));

TEST_P(AnyThreads, GivesTheSameImageLeavesAndDigests) {
    for (const size_t size :
         {size_t{0}, size_t{1}, size_t{chunk_size}, size_t{chunk_size + 1}, size_t{41 * chunk_size + 777}}) {
        const auto bytes = disk_bytes(size, 7);
        const Expected expected = straight(bytes);
        for (const bool with_sha : {true, false}) {
            MemorySource source(bytes);
            MemorySink sink, second;
            EvidenceSink* sinks[] = {&sink, &second};
            Seen seen;
            test::QuietEvents events;
            PipelineOptions options;
            options.threads = GetParam();
            options.digests = {DigestAlgorithm::md5, DigestAlgorithm::sha512};
            if (with_sha) options.digests.push_back(DigestAlgorithm::sha256);
            Pipeline pipeline(options, events);
            pipeline.run(source, {}, sinks, &seen, &seen, {});
            const PipelineResult result = pipeline.finish();
            EXPECT_EQ(sink.bytes, bytes);
            EXPECT_EQ(second.bytes, bytes);
            EXPECT_EQ(seen.leaves, expected.leaves);
            EXPECT_EQ(result.root, expected.root);
            EXPECT_EQ(result.size, size);
            EXPECT_EQ(seen.durable_upto, size);
            EXPECT_EQ(result.digests.size(), options.digests.size());
            if (with_sha) {
                EXPECT_EQ(result.digests.at(DigestAlgorithm::sha256), as_bytes(expected.whole));
            }
            const auto md5 = make_hasher(DigestAlgorithm::md5);
            md5->update(bytes);
            EXPECT_EQ(result.digests.at(DigestAlgorithm::md5), md5->finish());
        }
    }
}

TEST_P(AnyThreads, ReadsAStreamOfUnknownLength) {
    const auto bytes = disk_bytes(9 * chunk_size + 5, 3);
    MemorySource source(bytes);
    source.info_.size.reset();
    source.info_.access = Access::ascending;
    MemorySink sink;
    EvidenceSink* sinks[] = {&sink};
    Seen seen;
    test::QuietEvents events;
    PipelineOptions options;
    options.threads = GetParam();
    Pipeline pipeline(options, events);
    pipeline.run(source, {}, sinks, &seen, &seen, {});
    EXPECT_EQ(sink.bytes, bytes);
    EXPECT_EQ(pipeline.finish().root, straight(bytes).root);
}

TEST(Pipeline, AKnownHoleIsNeitherReadNorWrittenAndGivesTheSameRoot) {
    std::vector<std::byte> bytes = test::random_bytes(40 * chunk_size + 100, 1);
    const Range hole{3 * chunk_size + 512, 30 * chunk_size};
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(hole.offset), hole.size, std::byte{0});
    MemorySource source(bytes);
    source.info_.holes = true;
    source.holes = {hole};
    MemorySink sink;
    EvidenceSink* sinks[] = {&sink};
    test::QuietEvents events;
    Pipeline pipeline({}, events);
    pipeline.run(source, {}, sinks, nullptr, nullptr, {});
    const PipelineResult result = pipeline.finish();
    EXPECT_EQ(sink.bytes, bytes);
    EXPECT_EQ(result.root, straight(bytes).root);
    EXPECT_EQ(result.zero_chunks, 29u);
    EXPECT_EQ(source.bytes_read, 11 * chunk_size + 100) << "4 chunks before, 7 after, and the short one";
    EXPECT_EQ(sink.zero_writes, 1u) << "a run is one item";
}

TEST(Pipeline, UnreadableRangesAreZeroInTheirOwnPlaceAndReported) {
    auto bytes = test::random_bytes(6 * chunk_size, 2);
    MemorySource source(bytes);
    source.bad = {{{chunk_size + 512, 512}, 5}, {{3 * chunk_size, 2 * chunk_size}, 5}};
    MemorySink sink;
    EvidenceSink* sinks[] = {&sink};
    Seen seen;
    test::QuietEvents events;
    Pipeline pipeline({}, events);
    pipeline.run(source, {}, sinks, &seen, &seen, {});
    const PipelineResult result = pipeline.finish();
    for (const Bad& one : source.bad)
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(one.range.offset), one.range.size, std::byte{0});
    EXPECT_EQ(sink.bytes, bytes);
    EXPECT_EQ(result.unreadable, 512 + 2 * chunk_size);
    EXPECT_THAT(seen.bad, testing::ElementsAre(Bad{{chunk_size + 512, 512}, 5}, Bad{{3 * chunk_size, chunk_size}, 5},
                                               Bad{{4 * chunk_size, chunk_size}, 5}));
}

TEST(Pipeline, GoesOnWhereAnotherSourceEnded) {
    const auto bytes = disk_bytes(20 * chunk_size + 9, 5);
    MemorySource kept(bytes), source(bytes);
    MemorySink sink;
    sink.bytes.resize(8 * chunk_size);
    EvidenceSink* sinks[] = {&sink};
    test::QuietEvents events;
    Pipeline pipeline({}, events);
    pipeline.run(kept, 8 * chunk_size, {}, nullptr, nullptr, {});
    pipeline.run(source, {}, sinks, nullptr, nullptr, {});
    const PipelineResult result = pipeline.finish();
    EXPECT_EQ(result.root, straight(bytes).root);
    EXPECT_EQ(result.digests.at(DigestAlgorithm::sha256), as_bytes(straight(bytes).whole));
    EXPECT_EQ(kept.bytes_read, 8 * chunk_size);
    EXPECT_EQ(source.bytes_read, 12 * chunk_size + 9);
}

ExitCode code_of(const std::function<void()>& run) {
    try {
        run();
    } catch (const Error& error) {
        return error.code();
    }
    return ExitCode::ok;
}

TEST(Pipeline, TellsTheFailureWithTheLowestOffsetAndKeepsWhatLiesBefore) {
    const auto bytes = test::random_bytes(30 * chunk_size, 4);
    for (int round = 0; round < 20; ++round) {
        MemorySource source(bytes);
        source.before_read = [](uint64_t offset) {
            if (offset == 10 * chunk_size) throw Error(ExitCode::source_lost, "first");
            if (offset > 10 * chunk_size) throw Error(ExitCode::internal, "later");
        };
        MemorySink sink;
        EvidenceSink* sinks[] = {&sink};
        Seen seen;
        test::QuietEvents events;
        Pipeline pipeline({}, events);
        EXPECT_EQ(code_of([&] { pipeline.run(source, {}, sinks, &seen, &seen, {}); }), ExitCode::source_lost);
        EXPECT_EQ(sink.bytes.size(), 10 * chunk_size);
        EXPECT_EQ(seen.leaves.size(), 10u);
        EXPECT_EQ(seen.durable_upto, 10 * chunk_size);
    }
}

TEST(Pipeline, AFailingSinkEndsTheRunAndTheOtherKeepsWhatItHas) {
    const auto bytes = test::random_bytes(60 * chunk_size, 4);
    MemorySource source(bytes);
    MemorySink full, healthy;
    full.on_write = [](Range range) {
        if (range.offset == 5 * chunk_size) throw Error(ExitCode::destination, "no space");
    };
    EvidenceSink* sinks[] = {&full, &healthy};
    Seen seen;
    test::QuietEvents events;
    Pipeline pipeline({}, events);
    EXPECT_EQ(code_of([&] { pipeline.run(source, {}, sinks, &seen, &seen, {}); }), ExitCode::destination);
    EXPECT_EQ(full.bytes.size(), 5 * chunk_size);
    EXPECT_GE(healthy.bytes.size(), 5 * chunk_size);
    EXPECT_EQ(seen.durable_upto, 5 * chunk_size) << "durable is what all sinks hold";
}

TEST(Pipeline, AFailingFlushEndsTheRun) {
    MemorySource source(test::random_bytes(300 * chunk_size, 4));
    MemorySink sink;
    sink.on_checkpoint = [] { throw Error(ExitCode::destination, "flush failed"); };
    EvidenceSink* sinks[] = {&sink};
    test::QuietEvents events;
    Pipeline pipeline({}, events);
    EXPECT_EQ(code_of([&] { pipeline.run(source, {}, sinks, nullptr, nullptr, {}); }), ExitCode::destination);
    EXPECT_LE(sink.bytes.size(), 2 * PipelineOptions{}.checkpoint_every);
}

TEST(Pipeline, ASourceThatShrinksIsLostNotShort) {
    MemorySource source(test::random_bytes(10 * chunk_size + 100, 4));
    source.info_.size = 20 * chunk_size;
    MemorySink sink;
    EvidenceSink* sinks[] = {&sink};
    Seen seen;
    test::QuietEvents events;
    Pipeline pipeline({}, events);
    EXPECT_EQ(code_of([&] { pipeline.run(source, {}, sinks, &seen, &seen, {}); }), ExitCode::source_lost);
    EXPECT_EQ(seen.durable_upto, 10 * chunk_size);
}

TEST(Pipeline, NeverClaimsMoreThanTheBoundAheadOfWhatIsDurable) {
    constexpr uint64_t every = 4 * chunk_size;
    MemorySource source(test::random_bytes(100 * chunk_size, 4));
    MemorySink sink;
    Seen seen;
    std::atomic<uint64_t> worst = 0;
    source.before_read = [&](uint64_t offset) {
        const uint64_t at_stake = offset + chunk_size - seen.durable_upto;
        uint64_t before = worst;
        while (at_stake > before && !worst.compare_exchange_weak(before, at_stake)) {
        }
    };
    EvidenceSink* sinks[] = {&sink};
    test::QuietEvents events;
    PipelineOptions options;
    options.checkpoint_every = every;
    Pipeline pipeline(options, events);
    pipeline.run(source, {}, sinks, &seen, &seen, {});
    EXPECT_LE(worst, 2 * every);
    EXPECT_EQ(seen.durable_upto, 100 * chunk_size);
}

TEST(Pipeline, ARunOfZerosLongerThanTheBoundPasses) {
    std::vector<std::byte> bytes(200 * chunk_size);
    bytes.front() = bytes.back() = std::byte{1};
    MemorySource source(bytes);
    source.info_.holes = true;
    source.holes = {{chunk_size, 198 * chunk_size}};
    MemorySink sink;
    EvidenceSink* sinks[] = {&sink};
    test::QuietEvents events;
    PipelineOptions options;
    options.checkpoint_every = 4 * chunk_size;
    Pipeline pipeline(options, events);
    pipeline.run(source, {}, sinks, nullptr, nullptr, {});
    EXPECT_EQ(sink.bytes, bytes);
}

TEST(Pipeline, AStopRequestKeepsWhatCame) {
    MemorySource source(test::random_bytes(200 * chunk_size, 4));
    std::stop_source stop;
    source.before_read = [&](uint64_t offset) {
        if (offset == 50 * chunk_size) stop.request_stop();
    };
    MemorySink sink;
    EvidenceSink* sinks[] = {&sink};
    Seen seen;
    test::QuietEvents events;
    Pipeline pipeline({}, events);
    EXPECT_EQ(code_of([&] { pipeline.run(source, {}, sinks, &seen, &seen, stop.get_token()); }), ExitCode::interrupted);
    EXPECT_GE(seen.durable_upto, 50 * chunk_size);
    EXPECT_EQ(seen.durable_upto, sink.bytes.size());
    EXPECT_LT(sink.bytes.size(), 200 * chunk_size);
}

// Gives each chunk with a compressed form and a witness, as a source behind a wire does.
class WitnessedSource final : public BlockSource {
public:
    explicit WitnessedSource(std::vector<std::byte> bytes) : below_(std::move(bytes)) {}
    const SourceInfo& info() const override { return below_.info(); }
    void read(Read& read, std::stop_token stop) override {
        below_.read(read, stop);
        read.witness = read.offset == lies_at ? Digest{} : sha256(read.into.first(read.got));
        if (read.frame) *read.frame = {std::byte(read.offset / chunk_size)};
    }
    uint64_t lies_at = ~uint64_t{0};

private:
    MemorySource below_;
};

// Keeps every second form that comes, and makes the others itself.
class ChoosyEncoder final : public Encoder {
public:
    void encode(std::span<const std::byte>, Encoded& out) override { out.bytes = {std::byte{0xEE}}; }
    bool keep(std::vector<std::byte>& frame, size_t content, Encoded& out) override {
        EXPECT_EQ(content, chunk_size);
        if (std::to_integer<unsigned>(frame[0]) % 2) return false;
        std::swap(out.bytes, frame);
        return true;
    }
};

class EncodedSink final : public EvidenceSink {
public:
    std::string_view format() const override { return "encoded"; }
    std::unique_ptr<Encoder> encoder() const override { return std::make_unique<ChoosyEncoder>(); }
    void write(const Chunk& chunk) override {
        forms.push_back(std::to_integer<int>(chunk.encoded->bytes.at(0)));
        written = chunk.range.end();
    }
    uint64_t checkpoint() override { return written; }
    uint64_t stored() const override { return written; }
    void commit(uint64_t) override {}
    void publish() override {}
    std::vector<EvidenceFile> files(const std::optional<Digest>&) const override { return {}; }
    std::vector<int> forms;
    std::atomic<uint64_t> written = 0;
};

TEST(Pipeline, AFormThatCameIsKeptWhereTheFormatTakesIt) {
    WitnessedSource source(test::random_bytes(6 * chunk_size, 9));
    EncodedSink sink, copy;
    EvidenceSink* sinks[] = {&sink, &copy};
    test::QuietEvents events;
    Pipeline pipeline({}, events);
    pipeline.run(source, {}, sinks, nullptr, nullptr, {});
    EXPECT_EQ(sink.forms, (std::vector<int>{0, 0xEE, 2, 0xEE, 4, 0xEE}));
    EXPECT_EQ(copy.forms, sink.forms);
}

TEST(Pipeline, AWitnessThatSawOtherBytesEndsIt) {
    for (const bool zero : {false, true}) {
        WitnessedSource source(zero ? std::vector<std::byte>(6 * chunk_size) : test::random_bytes(6 * chunk_size, 9));
        source.lies_at = 3 * chunk_size;
        test::QuietEvents events;
        Pipeline pipeline({}, events);
        try {
            pipeline.run(source, {}, {}, nullptr, nullptr, {});
            FAIL() << "no exception";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::source_lost);
            EXPECT_THAT(error.what(), testing::HasSubstr(std::to_string(3 * chunk_size)));
        }
    }
}

} // namespace
} // namespace kanshiki
