// The pipeline as a story: readers claim places in an ordered queue, read, look for zeros and encode while the chunk is
// in cache; lanes pass over the queue in order: the ledger (leaf, SHA-256, tree), one lane per further digest, one per
// sink.
#include "kanshiki/pipeline.h"

#include "acquire/block/sha256.h"
#include "acquire/block/zero.h"
#include "acquire/pipeline/checkpointer.h"
#include "acquire/pipeline/chunk_queue.h"
#include "acquire/pipeline/feeder.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <semaphore>

namespace kanshiki {
namespace {

std::span<const std::byte> zeros(uint64_t size) {
    static const std::vector<std::byte> chunk(chunk_size);
    return std::span(chunk).first(size);
}

const Digest& zero_leaf() {
    static const Digest leaf = sha256(zeros(chunk_size));
    return leaf;
}

uint64_t now_us() {
    using namespace std::chrono;
    return static_cast<uint64_t>(duration_cast<microseconds>(system_clock::now().time_since_epoch()).count());
}

// Gives `use` the item's bytes in order, zero runs in pieces.
template<class Use>
void over_bytes(const Item& item, Use use) {
    if (item.kind == Kind::data) return use(item.data);
    for (uint64_t done = 0; done < item.range.size;) {
        const uint64_t size = std::min(chunk_size, item.range.size - done);
        use(zeros(size));
        done += size;
    }
}

// The failure of the lowest place is the one that is told.
class FirstFailure {
public:
    void record(uint64_t number, std::exception_ptr what) {
        std::lock_guard lock(mutex_);
        if (number >= number_) return;
        number_ = number;
        what_ = std::move(what);
    }
    void rethrow() const {
        if (what_) std::rethrow_exception(what_);
    }

private:
    std::mutex mutex_;
    uint64_t number_ = ~uint64_t{0};
    std::exception_ptr what_;
};

} // namespace

struct Pipeline::State {
    PipelineOptions options;
    Events& events;
    bool whole_sha256 = false;
    Sha256 sha256;
    std::vector<std::pair<DigestAlgorithm, std::unique_ptr<Hasher>>> others;
    MerkleBuilder tree;
    uint64_t position = 0, zero_chunks = 0, unreadable = 0;

    State(PipelineOptions chosen, Events& to) : options(std::move(chosen)), events(to) {
        if (options.threads == 0) options.threads = std::max(1u, std::thread::hardware_concurrency());
        for (const DigestAlgorithm algorithm : options.digests)
            if (algorithm == DigestAlgorithm::sha256)
                whole_sha256 = true;
            else
                others.emplace_back(algorithm, make_hasher(algorithm));
    }
    Digest record(const Item& item);
};

// The ordered lane's work on one item: leaf, whole digest and tree from one pass over the bytes.
Digest Pipeline::State::record(const Item& item) {
    const bool full_zero = item.kind != Kind::data && item.range.size % chunk_size == 0;
    Digest leaf = full_zero ? zero_leaf() : item.leaf.value_or(Digest{});
    if (full_zero || item.leaf) {
        if (whole_sha256) over_bytes(item, [&](auto bytes) { sha256.update(bytes); });
    } else {
        Sha256 of_chunk;
        over_bytes(item,
                   [&](auto bytes) { whole_sha256 ? update_both(sha256, of_chunk, bytes) : of_chunk.update(bytes); });
        leaf = of_chunk.finish();
    }
    if (item.witness && *item.witness != leaf)
        throw Error(ExitCode::source_lost, "the chunk at byte " + std::to_string(item.range.offset) +
                                               " is not what the far side read there: SHA-256 there " +
                                               to_hex(*item.witness) + ", here " + to_hex(leaf));
    const uint64_t count = chunks_in(item.range.size);
    tree.append(leaf, count);
    if (item.kind != Kind::data) zero_chunks += count;
    for (const Bad& bad : item.bad) unreadable += bad.range.size;
    position = item.range.end();
    return leaf;
}

namespace {

// One run over one source. Lives on the stack of Pipeline::run.
class Run {
public:
    Run(PipelineOptions& options, bool leaf_in_worker, BlockSource& source, uint64_t start, std::optional<uint64_t> end,
        std::span<EvidenceSink* const> sinks, CheckpointObserver* checkpoints, unsigned lanes, std::stop_token stop)
        : options_(options), leaf_in_worker_(leaf_in_worker), source_(source), info_(source.info()), sinks_(sinks),
          stop_(stop), feeder_(source, start, end, options.use_extents), queue_(depth(info_, options), lanes),
          cpu_(options.threads), checkpointer_(sinks, checkpoints, lanes, start, options.checkpoint_every) {}

    using LaneWork = std::function<void(const Item&)>;

    void go(const std::vector<LaneWork>& lanes) {
        std::vector<std::thread> lane_threads, readers;
        for (unsigned lane = 0; lane < lanes.size(); ++lane)
            lane_threads.emplace_back([&, lane] { pass(lane, lanes[lane]); });
        for (unsigned i = 0; i < reader_count(info_, options_); ++i) readers.emplace_back([this] { read_on(); });
        for (std::thread& thread : readers) thread.join();
        queue_.close();
        for (std::thread& thread : lane_threads) thread.join();
        try {
            checkpointer_.finish();
        } catch (...) {
            failure_.record(claims_, std::current_exception());
        }
        failure_.rethrow();
        if (interrupted_) throw Error(ExitCode::interrupted, "interrupted");
    }

private:
    static unsigned reader_count(const SourceInfo& info, const PipelineOptions& options) {
        // An ascending source is read by one thread at a time, while the others work on what they have read.
        return info.access == Access::ascending ? options.threads + 1 : std::max(info.lanes, options.threads);
    }
    static size_t depth(const SourceInfo& info, const PipelineOptions& options) {
        return 2 * options.threads + reader_count(info, options) + 12;
    }

    void read_on() {
        std::vector<std::unique_ptr<Encoder>> encoders;
        for (EvidenceSink* sink : sinks_) encoders.push_back(sink->encoder());
        for (;;) {
            std::unique_lock turn(turn_);
            Item* item = claim();
            if (!item) return;
            const bool in_turn = info_.access == Access::ascending;
            if (!in_turn) turn.unlock();
            try {
                if (item->kind == Kind::data) fetch(*item);
                if (in_turn) turn.unlock();
                prepare(*item, encoders);
            } catch (...) {
                item->failure = std::current_exception();
                ending_ = true;
            }
            queue_.publish(*item);
        }
    }

    // Under the turn. Null: no more to be read.
    Item* claim() {
        if (ending_) return nullptr;
        if (stop_.stop_requested()) {
            interrupted_ = true;
            return nullptr;
        }
        std::optional<Cut> cut;
        try {
            cut = feeder_.next(stop_);
        } catch (...) { // the source could not tell its extents
            failure_.record(claims_, std::current_exception());
        }
        if (!cut || !checkpointer_.admit(cut->range.end())) {
            ending_ = true;
            return nullptr;
        }
        Item& item = queue_.claim();
        claims_ = item.number + 1;
        item.range = cut->range;
        item.kind = cut->kind;
        item.data = {};
        item.bad.clear();
        item.leaf.reset();
        item.frame.clear();
        item.witness.reset();
        item.failure = {};
        item.read_at_us = now_us();
        return &item;
    }

    void fetch(Item& item) {
        if (item.buffer.size() == 0) item.buffer = AlignedBuffer(chunk_size);
        Read read;
        read.offset = item.range.offset;
        read.into = item.buffer.span().first(item.range.size);
        if (!sinks_.empty()) read.frame = &item.frame;
        source_.read(read, stop_);
        item.read_at_us = now_us();
        if (read.got < item.range.size) {
            if (info_.size)
                throw Error(ExitCode::source_lost, info_.uri + ": ended at byte " +
                                                       std::to_string(item.range.offset + read.got) + ", but was " +
                                                       std::to_string(*info_.size) + " bytes when opened: it shrank");
            feeder_.ended();
            item.range.size = read.got;
        }
        item.data = item.buffer.span().first(read.got);
        item.kind = read.kind;
        item.bad = std::move(read.bad);
        item.witness = read.witness;
    }

    void prepare(Item& item, std::vector<std::unique_ptr<Encoder>>& encoders) {
        if (item.kind != Kind::data) {
            item.data = {};
            return;
        }
        cpu_.acquire();
        struct Permit {
            std::counting_semaphore<>& cpu;
            ~Permit() { cpu.release(); }
        } permit{cpu_};
        if (is_zero(item.data)) {
            item.kind = Kind::zero;
            item.data = {};
            return;
        }
        item.encoded.resize(encoders.size());
        for (size_t i = 0; i < encoders.size(); ++i)
            if (encoders[i]) put_into_form(item, *encoders[i], item.encoded[i], i + 1 == encoders.size());
        if (leaf_in_worker_) item.leaf = sha256(item.data);
    }

    static void put_into_form(Item& item, Encoder& encoder, Encoded& out, bool last) {
        std::vector<std::byte> copy;
        if (!item.frame.empty() && !last) copy = item.frame; // for the sinks that follow
        if (item.frame.empty() || !encoder.keep(item.frame, item.data.size(), out)) encoder.encode(item.data, out);
        if (!copy.empty()) std::swap(item.frame, copy);
    }

    // A lane that failed lets the rest pass by, so that nobody waits for it.
    void pass(unsigned lane, const LaneWork& work) {
        bool failed = false;
        for (uint64_t number = 0;; ++number) {
            Item* item = queue_.wait(number);
            if (!item) return;
            try {
                if (!failed && item->failure) std::rethrow_exception(item->failure);
                if (!failed && item->range.size > 0) {
                    work(*item);
                    checkpointer_.passed(lane, item->range.end());
                }
            } catch (...) {
                failed = true;
                failure_.record(number, std::current_exception());
                ending_ = true;
                checkpointer_.abort();
            }
            queue_.release(*item);
        }
    }

    PipelineOptions& options_;
    const bool leaf_in_worker_;
    BlockSource& source_;
    const SourceInfo info_;
    const std::span<EvidenceSink* const> sinks_;
    const std::stop_token stop_;
    std::mutex turn_;
    Feeder feeder_; // under turn_
    ChunkQueue queue_;
    std::counting_semaphore<> cpu_;
    FirstFailure failure_;
    std::atomic<bool> ending_ = false, interrupted_ = false;
    std::atomic<uint64_t> claims_ = 0;
    Checkpointer checkpointer_;
};

} // namespace

Pipeline::Pipeline(PipelineOptions options, Events& events)
    : state_(std::make_unique<State>(std::move(options), events)) {}
Pipeline::~Pipeline() = default;

void Pipeline::run(BlockSource& source, std::optional<uint64_t> upto, std::span<EvidenceSink* const> sinks,
                   LeafObserver* leaves, CheckpointObserver* checkpoints, std::stop_token stop) {
    State& state = *state_;
    std::optional<uint64_t> end = source.info().size;
    if (upto) end = end ? std::min(*end, *upto) : *upto;

    std::vector<Run::LaneWork> lanes;
    lanes.push_back([&](const Item& item) {
        const uint64_t first = item.range.offset / chunk_size;
        const Digest leaf = state.record(item);
        if (leaves)
            leaves->leaf({first, chunks_in(item.range.size), item.range, leaf, item.kind, item.bad, item.read_at_us});
        uint64_t stored = 0;
        if (!sinks.empty()) stored = sinks.front()->stored();
        state.events.progress({state.options.phase, state.position, end, state.unreadable, stored, "bytes"});
    });
    for (auto& [algorithm, hasher] : state.others)
        lanes.push_back([hasher = hasher.get()](const Item& item) {
            over_bytes(item, [&](auto bytes) { hasher->update(bytes); });
        });
    for (size_t i = 0; i < sinks.size(); ++i)
        lanes.push_back([&, i](const Item& item) {
            sinks[i]->write({item.range, item.kind, item.data, item.kind == Kind::data ? &item.encoded[i] : nullptr});
        });

    Run run(state.options, !state.whole_sha256, source, state.position, end, sinks, checkpoints,
            static_cast<unsigned>(lanes.size()), stop);
    run.go(lanes);
}

PipelineResult Pipeline::finish() {
    PipelineResult result;
    result.size = state_->position;
    result.chunks = state_->tree.size();
    result.zero_chunks = state_->zero_chunks;
    result.unreadable = state_->unreadable;
    result.root = state_->tree.root();
    if (state_->whole_sha256) {
        const Digest digest = state_->sha256.finish();
        result.digests[DigestAlgorithm::sha256].assign(digest.begin(), digest.end());
    }
    for (auto& [algorithm, hasher] : state_->others) result.digests[algorithm] = hasher->finish();
    return result;
}

} // namespace kanshiki
