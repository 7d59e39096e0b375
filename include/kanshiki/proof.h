#pragma once
// A proof that some bytes belong to an image, without the image: docs/formats/proof.md. It binds chunks to the image's
// root by the hash tree, and carries the manifest and its signature so that the root can be trusted.

#include "kanshiki/digest.h"
#include "kanshiki/range.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kanshiki {

// A file whose content is proven.
struct ProvenFile {
    struct Extent {
        uint64_t logical = 0; // in the file
        Range range;          // in the image
    };
    unsigned volume = 0; // as `kanshiki info` numbers them
    std::string path;    // bytes as stored; begins with '/'
    uint64_t inode = 0, size = 0;
    Digest sha256{};                // of the content
    std::vector<Extent> extents;    // ascending, disjoint; where there is none the file reads as zeros
    bool content_in_extents = true; // false: compressed, or kept inside the metadata; only a file-system reader has it
    // Why the chunks of the metadata that give the file its extents are not in the proof; empty: they are.
    std::string asserted;
};

struct ProofChunk {
    uint64_t index = 0;
    Digest sha256{};
};

struct Proof {
    std::string tool, created; // version; UTC
    std::string image;         // name
    uint64_t size = 0;         // of the image, bytes
    Digest root{};
    std::optional<std::string> manifest, signature, timestamp; // the files beside the image, as they are
    std::vector<Range> ranges;                                 // of the image, proven; ascending, disjoint, not empty
    std::optional<Digest> sha256;                              // of the ranges, one after the other; not of a file
    std::optional<ProvenFile> file;
    std::vector<ProofChunk> chunks; // ascending; their bytes lie in the data file one after the other
    std::vector<Digest> siblings;   // merkle_siblings() of the chunks
    std::string data;               // the data file's name, without folder
};

inline constexpr uint64_t most_holes = 16ULL << 30;          // bytes that a proven file has beyond the proof's data
inline constexpr uint64_t largest_proof = 256 * 1024 * 1024; // bytes of its JSON

std::string render_proof(const Proof& proof); // JSON, UTF-8, ends with a newline

// Checks types, sizes, order and that all ranges lie in the image and in the chunks. Throws Error{never_valid} with
// `name` and the place. Nothing is proven by that.
Proof parse_proof(std::string_view text, std::string_view name);

Range range_of_chunk(const Proof& proof, uint64_t index);
uint64_t data_size(const Proof& proof);           // of all chunks
std::vector<Range> disclosed(const Proof& proof); // bytes of the chunks that are in none of the ranges; ascending

} // namespace kanshiki
