#pragma once
// IMAGE.manifest.json: who, what, when, how, and what the evidence is (docs/formats/manifest.md). It binds every
// companion by size and SHA-256, the root, all digests and the acquisition log's head.

#include "kanshiki/block_source.h"
#include "kanshiki/digest.h"
#include "kanshiki/error.h"

#include <filesystem>
#include <map>

namespace kanshiki {

struct CaseInfo {
    std::string case_id, evidence_id, examiner, authority, note;
};

struct ToolInfo {
    std::string version;
    std::string binary_sha256; // of the running program, hex
    std::vector<std::string> arguments;
};

struct HostInfo {
    std::string name, machine, kernel, system, user; // machine: DMI product or architecture
    std::string clock;                               // "synchronised", "not synchronised", "unknown"
    int64_t clock_error_us = 0;                      // the kernel's own estimate
};

inline constexpr size_t manifest_lists = 100'000; // how many unreadable ranges, and chunks, a manifest lists

struct ManifestFile {
    std::string role; // "image" (one per segment, in order; the first has the image's name), "chunks", "map", "log"
    std::string name; // without folder
    uint64_t size = 0;
    std::optional<Digest> sha256;
};

// What an image was made from, when that was another image and not the source itself.
struct Derivation {
    std::string kind;                      // "convert", "repair"
    std::string image;                     // name of the image it was made from, without folder
    std::optional<Digest> manifest_sha256; // of that one's manifest; nothing: it had none
    std::vector<Range> replaced;           // repair: ranges fetched again; ascending, disjoint
};

struct Manifest {
    CaseInfo case_info;
    ToolInfo tool;
    HostInfo host;

    std::string source_uri, source_kind;
    uint32_t logical_sector = 512, physical_sector = 512;
    std::vector<std::pair<std::string, std::string>> source_identity;
    std::optional<Digest> partition_table_sha256; // of the first 34 logical sectors (MBR, GPT header and entries)
    bool live = false;                            // consistency: "live (not point in time)" or "point in time"
    std::string live_why;

    std::string started, ended;       // UTC, RFC 3339
    std::vector<uint64_t> resumed_at; // image offsets where the run went on after an interruption

    std::string image_format;
    uint64_t size = 0, chunks = 0, zero_chunks = 0, unreadable_bytes = 0;
    Digest root{};
    std::map<std::string, std::string> digests; // name -> hex, over the whole image with zeros where unreadable
    // The manifest lists the first 100,000 ranges and chunks and counts them all; IMAGE.map always has every range.
    // To render: all of them, the counts are taken from the vectors. Parsed: what is listed.
    std::vector<Bad> unreadable;                           // ascending, disjoint, neighbours of the same error merged
    std::vector<uint64_t> chunks_touched;                  // indexes of the chunks that hold an unreadable range
    uint64_t unreadable_ranges = 0, unreadable_chunks = 0; // counts, set by parse_manifest
    Digest log_head{};
    uint64_t log_entries = 0;
    std::vector<ManifestFile> files;
    std::optional<Derivation> derived_from; // nothing: imaged from the source
};

std::string render_manifest(const Manifest& manifest); // JSON, UTF-8, ends with a newline; stable order of keys

// What every manifest of ours has in its first line; a file that holds it was ours, however damaged it is now.
inline constexpr std::string_view manifest_marker = "\"kanshiki manifest\"";

// Checks size (64 MiB), nesting depth (32), types, ranges, duplicate keys. Throws Error{never_valid} with name and
// place.
Manifest parse_manifest(std::string_view text, std::string_view name);

// Every companion's path, in one place.
struct Companions {
    std::filesystem::path image, manifest, chunks, map, log, sha256, custody, custody_head;
    static Companions of(const std::filesystem::path& image);
};

HostInfo this_host(); // never throws for what it cannot find out: such a field is empty or "unknown"
ToolInfo this_tool(const std::vector<std::string>& arguments);

// Durable and whole or not at all: temporary name, fsync, rename, fsync of the folder; mode 0400. Error{destination}.
void write_file_durably(const std::filesystem::path& path, std::string_view content);
// The file is finished: mode 0400, flushed. Error{destination}.
void seal_file(const std::filesystem::path& path);
// The whole of a file of at most `limit` bytes. Error{code} when longer, unreadable or missing.
std::string read_file(const std::filesystem::path& path, uint64_t limit, ExitCode code);

// MBR and GPT as one digest: SHA-256 of the first 34 logical sectors; nothing when the source is smaller, of unknown
// size (reading a stream would consume it), or unreadable there.
std::optional<Digest> partition_table_digest(BlockSource& source, std::stop_token stop);

std::string utc_now(); // 2026-11-23T05:52:11.123456Z

} // namespace kanshiki
