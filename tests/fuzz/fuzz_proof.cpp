// A proof is what render_proof writes of it, or refused; its sums stay within the image.
#include "kanshiki/error.h"
#include "kanshiki/merkle.h"
#include "kanshiki/pipeline.h"
#include "kanshiki/proof.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        const kanshiki::Proof proof = kanshiki::parse_proof(text, "fuzz");
        std::vector<kanshiki::ProvenEntry> entries;
        for (const kanshiki::ProofChunk& chunk : proof.chunks) entries.push_back({chunk.index, chunk.sha256});
        kanshiki::merkle_root(kanshiki::chunks_in(proof.size), entries, proof.siblings);
        uint64_t others = 0;
        for (const kanshiki::Range& range : kanshiki::disclosed(proof)) others += range.size;
        if (others > kanshiki::data_size(proof)) std::abort();
        const std::string again = kanshiki::render_proof(proof);
        if (kanshiki::render_proof(kanshiki::parse_proof(again, "again")) != again) std::abort();
    } catch (const kanshiki::Error&) {
    }
    return 0;
}
