#include "analyze/proof/chunk_sources.h"

#include "kanshiki/error.h"
#include "kanshiki/pipeline.h"

#include <algorithm>

namespace kanshiki {

void RecordingSource::read(Read& read, std::stop_token stop) {
    below_.read(read, stop);
    if (read.got == 0) return;
    const uint64_t last = (read.offset + read.got - 1) / chunk_size;
    for (uint64_t index = read.offset / chunk_size; index <= last; ++index) touched_.insert(index);
}

ProvenSource::ProvenSource(const Proof& proof, Data data) : proof_(proof), data_(std::move(data)) {
    info_.uri = proof.image;
    info_.kind = "proof";
    info_.size = proof.size;
}

void ProvenSource::read(Read& read, std::stop_token) {
    const uint64_t offset = std::min(read.offset, proof_.size);
    read.got = std::min<uint64_t>(read.into.size(), proof_.size - offset);
    read.kind = Kind::data;
    read.bad.clear();
    for (size_t done = 0; done < read.got;) {
        const uint64_t at = offset + done, index = at / chunk_size;
        const auto chunk =
            std::lower_bound(proof_.chunks.begin(), proof_.chunks.end(), index,
                             [](const ProofChunk& each, uint64_t wanted) { return each.index < wanted; });
        if (chunk == proof_.chunks.end() || chunk->index != index)
            throw Error(ExitCode::never_valid, "byte " + std::to_string(at) + " of the image is not in the proof");
        const size_t size = std::min<uint64_t>(read.got - done, range_of_chunk(proof_, index).end() - at);
        const auto before =
            static_cast<uint64_t>(chunk - proof_.chunks.begin()); // whole chunks, since a short one is last
        data_(before * chunk_size + at % chunk_size, read.into.subspan(done, size));
        done += size;
    }
}

} // namespace kanshiki
