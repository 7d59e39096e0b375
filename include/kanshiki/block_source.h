#pragma once
// Everything readable is a BlockSource: a device, a volume behind SSH, an opened image, a partition of one of these.
// Sources stack as decorators (Slice, Fault …). Ask what a source can do (SourceInfo); never test its type.

#include "kanshiki/digest.h"
#include "kanshiki/range.h"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace kanshiki {

// zero and unwritten are said only if the WHOLE range reads as zeros. unwritten: the store never held this range
// (an EBS block that was never written); another route may read it as garbage, so it is a type, not only bytes.
enum class Kind : uint8_t { data, zero, unwritten };

enum class Access : uint8_t {
    random,    // any offset at any time, from any thread, info().lanes at once
    ascending, // one read at a time; going on where the last ended is cheap, going elsewhere costs a restart (or, for a
               // stream such as standard input, fails)
};

// A range that could not be read, in whole sectors. error is an errno value (EIO …); of an opened image EILSEQ where
// the image itself is damaged, and recorded_unreadable where it says of itself that its source could not be read there.
inline constexpr int recorded_unreadable = ENODATA;
struct Bad {
    Range range;
    int error = 0;
    bool operator==(const Bad&) const = default;
};

struct Extent {
    Range range;
    Kind kind = Kind::data;
};

struct SourceInfo {
    std::string uri;              // as the user named it, without secrets
    std::string kind;             // "device", "file", "stdin", "ssh-dd", "raw", "zst" …
    std::optional<uint64_t> size; // bytes; nothing for a stream
    uint32_t logical_sector = 512;
    uint32_t physical_sector = 512;
    Access access = Access::random;
    unsigned lanes = 1;   // concurrent read() calls that pay
    bool cached = false;  // small reads of the same place again and again are answered from memory
    bool holes = false;   // extents() can tell zero or unwritten ranges without reading them
    bool live = false;    // in use while it is read: the image is not of one point in time
    std::string live_why; // what uses it
    std::vector<std::pair<std::string, std::string>> identity; // model, serial, host key …: for the manifest, in order
};

// Which of the waiting reads comes first, where a source has many in flight.
enum class Priority : uint8_t { urgent = 0, bulk = 1 };

struct Read {
    // in
    uint64_t offset = 0;
    std::span<std::byte> into; // its data pointer aligned to 4096 where the source reads O_DIRECT: use AlignedBuffer
    Priority priority = Priority::bulk;
    std::vector<std::byte>* frame = nullptr; // not null: a compressed form of the content is wanted too
    // out
    size_t got = 0;            // bytes of `into` that exist in the source; got < into.size() means the end, only that
    Kind kind = Kind::data;    // of [offset, offset + got)
    std::vector<Bad> bad = {}; // ascending, disjoint, inside [offset, offset + got), absolute offsets
    std::optional<Digest> witness = {}; // SHA-256 of the content, taken at the far end of the way
    // *frame: the content as the one zstd frame that it came in; empty when it did not come so.
};

class BlockSource {
public:
    virtual ~BlockSource() = default;
    virtual const SourceInfo& info() const = 0;

    // What is known of `within` without reading it: ascending, contiguous, covering `within` up to the end of the
    // source. May block. The default knows nothing: one data extent.
    virtual std::vector<Extent> extents(Range within, std::stop_token stop);

    // Fills read.into[0, got) always: unreadable ranges are zeros in their own place and listed in `bad`. Retries are
    // the source's own business; when it gives up on the whole source it throws Error{source_lost}. A stop request
    // ends a wait with Error{interrupted}. offset and size need no alignment; aligned ones are faster.
    virtual void read(Read& read, std::stop_token stop) = 0;
};

} // namespace kanshiki
