#pragma once
// read -> zero test, encode -> digest and keep, in order. Verify is the pipeline with no sink.

#include "kanshiki/events.h"
#include "kanshiki/evidence_sink.h"
#include "kanshiki/merkle.h"

#include <map>

namespace kanshiki {

// The EBS block: so our leaves are the checksums that the EBS direct API returns.
inline constexpr uint64_t chunk_size = 512 * 1024;
inline constexpr uint64_t chunks_in(uint64_t size) {
    return size / chunk_size + (size % chunk_size != 0);
} // the last may be short

// One chunk, or a run of zero chunks with the same leaf, as it passes the ordered lane.
struct LeafRun {
    uint64_t first = 0; // chunk index
    uint64_t count = 1;
    Range range;   // bytes in the image
    Digest leaf{}; // of each chunk of the run
    Kind kind = Kind::data;
    std::span<const Bad> bad;
    uint64_t read_at_us = 0; // UTC, microseconds: when the read of it returned
};

// Called by one thread, in order, without gaps. What it throws ends the run.
class LeafObserver {
public:
    virtual ~LeafObserver() = default;
    virtual void leaf(const LeafRun& run) = 0;
};

// Called by the checkpoint thread about every 64 MiB, and once more when the run ends in whatever way: all sinks hold
// [0, upto) durably. Never later than the leaves were observed.
class CheckpointObserver {
public:
    virtual ~CheckpointObserver() = default;
    virtual void durable(uint64_t upto) = 0;
};

struct PipelineOptions {
    std::vector<DigestAlgorithm> digests{DigestAlgorithm::sha256}; // over the whole image, in order
    unsigned threads = 0;                                          // of CPU work; 0: one per core
    std::string phase = "acquire";
    uint64_t checkpoint_every = 24 * 1024 * 1024; // at most twice this is claimed but not durable at any time
    bool use_extents = true;                      // skip what the source knows to be zero
};

struct PipelineResult {
    uint64_t size = 0;
    uint64_t zero_chunks = 0;
    uint64_t unreadable = 0; // bytes
    Digest root{};
    uint64_t chunks = 0;
    std::map<DigestAlgorithm, std::vector<std::byte>> digests;
};

// A run over one source; or over two, when an image is resumed: first the kept part (no sinks), then the rest.
class Pipeline {
public:
    Pipeline(PipelineOptions options, Events& events);
    ~Pipeline();

    // Reads [from where the last part ended, upto or the source's end) of source, gives each chunk to the observer and
    // the sinks. Throws the failure with the lowest offset; what lies before it was kept and reported as durable.
    void run(BlockSource& source, std::optional<uint64_t> upto, std::span<EvidenceSink* const> sinks,
             LeafObserver* leaves, CheckpointObserver* checkpoints, std::stop_token stop);

    PipelineResult finish(); // once, after the last run

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace kanshiki
