#pragma once
// Where an image is kept, and how the format is chosen. A sink gets the chunks in order and exactly once.

#include "kanshiki/block_source.h"
#include "kanshiki/digest.h"
#include "kanshiki/manifest.h"

#include <filesystem>
#include <map>
#include <memory>
#include <string_view>

namespace kanshiki {

// Bytes of one chunk in the shape the evidence file holds them; reused from chunk to chunk.
struct Encoded {
    std::vector<std::byte> bytes;
    std::vector<uint32_t> pieces; // E01: the 32 KiB pieces' sizes in bytes, the highest bit set when compressed
};

// One per worker thread; not thread-safe. Turns one chunk of data (never a zero chunk) into its stored shape.
class Encoder {
public:
    virtual ~Encoder() = default;
    virtual void encode(std::span<const std::byte> data, Encoded& out) = 0;

    // Takes the form that the chunk came in, when it is one that this format stores: a zstd frame with `content` bytes
    // in it, which the source has decompressed and checked. Swaps it into `out`. False: encode() is wanted, and the
    // frame is as it was.
    virtual bool keep(std::vector<std::byte>& frame, size_t content, Encoded& out);
};

// A chunk of data, or a run of chunks that are all zero.
struct Chunk {
    Range range; // a multiple of the chunk size, but for the image's last
    Kind kind = Kind::data;
    std::span<const std::byte> data;  // empty when kind is not data
    const Encoded* encoded = nullptr; // set when the sink has an encoder and kind is data
};

// What a kept evidence file is, for the manifest.
struct EvidenceFile {
    std::filesystem::path path;
    uint64_t size = 0;
    std::optional<Digest> sha256; // nothing where it was not computed (--hash none)
};

// What a format may keep of the image besides its bytes; known once all of it was read.
struct ImageFacts {
    std::map<DigestAlgorithm, std::vector<std::byte>> digests; // of the whole image
    std::vector<Bad> bad;                                      // ascending, disjoint
};

class EvidenceSink {
public:
    virtual ~EvidenceSink() = default; // only cancels: success is an explicit commit()

    virtual std::string_view format() const = 0;                    // "raw", "zst" …
    virtual std::unique_ptr<Encoder> encoder() const { return {}; } // nothing: the format stores chunks as they are

    // One thread, ascending, without gaps, from where the sink was opened. Throws Error{destination}.
    virtual void write(const Chunk& chunk) = 0;

    // Makes what was written durable and returns up to which image offset. May be called by another thread than
    // write()'s, while write() runs; never by two at once.
    virtual uint64_t checkpoint() = 0;

    // Bytes the evidence file holds by now. Any thread.
    virtual uint64_t stored() const = 0;

    // Before commit(), where it is known. E01 keeps digests and unreadable sectors; the default keeps nothing. Returns
    // what of it the format has no place for, in one line for a person; empty: nothing.
    virtual std::string describe(const ImageFacts&) { return {}; }

    // Trailer, fsync: the files are complete under their .partial names. publish() gives them their own, durably; the
    // one that has the image's name comes last.
    virtual void commit(uint64_t image_size) = 0;
    virtual void publish() = 0;

    // What the format's files are, after commit(), in order: one, or the segments of an E01 or a split image, under
    // their final names. whole: the image's own SHA-256, when it was computed.
    virtual std::vector<EvidenceFile> files(const std::optional<Digest>& whole) const = 0;
};

struct SinkOptions {
    int level = 1;         // zstd level of .img.zst
    bool hash_file = true; // compute the evidence files' own SHA-256 while writing
    uint64_t split = 0;    // bytes of a segment of an E01 or a split image; 0: 1500 MiB
    // For E01's header. Resuming gives the same again, so that the file is the same.
    std::optional<uint64_t> size{}; // of the source, if known
    uint32_t logical_sector = 512;  // of the source
    CaseInfo case_info{};
    std::string started{}; // UTC, RFC 3339: when the acquisition began
};

// One line per format in acquire/evidence/formats.cpp. Formats that are only read have neither create nor resume.
struct EvidenceFormat {
    std::string_view name;
    std::vector<std::string_view> extensions;
    std::vector<DigestAlgorithm> digests; // that the format has a place for and its readers look for
    std::unique_ptr<EvidenceSink> (*create)(const std::filesystem::path& image, const SinkOptions& options);
    // Goes on with IMAGE.partial at `from` (a multiple of the chunk size, or the whole image); the rest is cut off.
    std::unique_ptr<EvidenceSink> (*resume)(const std::filesystem::path& image, uint64_t from,
                                            const SinkOptions& options);
    // A complete image; strict. Error{never_valid} says what is wrong with it.
    std::unique_ptr<BlockSource> (*open)(const std::filesystem::path& file);
    // An unfinished or damaged one: reads as far as the file can be followed, at most to `upto`. Nothing is changed.
    std::unique_ptr<BlockSource> (*salvage)(const std::filesystem::path& file, uint64_t upto);
};

const EvidenceFormat* find_evidence_format(const std::filesystem::path& image); // by extension; null if none fits
std::string evidence_extensions(); // ".img .raw …" that can be written, for messages

// IMAGE.partial; for an image in segments NAME.partial.E01, NAME.partial.001.
std::filesystem::path partial_path(const std::filesystem::path& image);
// The files of an image that are there, the one named by it first: its segments, else that one alone. Partial segments
// that have their own names already (publish() was cut short) count as partial ones too.
std::vector<std::filesystem::path> image_files(const std::filesystem::path& image);
std::vector<std::filesystem::path> partial_files(const std::filesystem::path& image);

} // namespace kanshiki
