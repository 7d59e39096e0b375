#pragma once
// What the agent beside a volume and its client say to each other. Byte by byte: docs/formats/agent-protocol.md.
// All numbers are little-endian. Neither side trusts the other: every parse() checks what can be checked without
// knowing what was asked for, and says what is wrong in a few words (null: nothing).

#include "kanshiki/block_source.h"

#include <array>
#include <cstring>

namespace kanshiki::agent {

inline constexpr uint16_t protocol_version = 1;
inline constexpr uint32_t largest_read = 1024 * 1024; // bytes of one read request
inline constexpr uint32_t most_requests = 1024;       // unanswered at a time
inline constexpr uint32_t most_bad = largest_read / 512;
inline constexpr size_t bad_entry_size = 12;
inline constexpr uint32_t most_extents = 8192; // in one answer
inline constexpr uint32_t longest_failure = 400;
inline constexpr int8_t lowest_level = -50, highest_level = 19; // of zstd

// The agent's first words.
struct Hello {
    static constexpr size_t size_on_wire = 64;
    uint16_t version = protocol_version;
    bool device = false;  // a block device, else a regular file
    bool direct = false;  // reads go past the page cache
    bool extents = false; // holes can be told
    uint32_t logical_sector = 512;
    uint64_t size = 0; // of the source, bytes
    uint32_t cores = 1;
    uint32_t process = 0;
};

enum class RequestType : uint8_t { read = 1, extents = 2, alive = 3 };

struct Request {
    static constexpr size_t size_on_wire = 32;
    uint32_t id = 0; // not that of an unanswered request
    RequestType type = RequestType::read;
    Priority priority = Priority::bulk; // urgent ones are read first; among equals the older one
    int8_t level = 1;
    bool compress = true; // false: content comes raw
    bool sha256 = false;  // a digest of the content, taken at the source
    uint64_t offset = 0, size = 0;
};

enum class ReplyType : uint8_t { zero = 1, raw = 2, zstd = 3, extents = 4, alive = 5, failed = 6 };

// Payload, in this order: the SHA-256 (32 bytes, if flagged), the bad ranges (12 bytes each), the body.
struct ReplyHeader {
    static constexpr size_t size_on_wire = 64;
    uint32_t id = 0;
    ReplyType type = ReplyType::zero;
    bool sha256 = false;
    uint64_t offset = 0;
    uint32_t got = 0;     // bytes of content from offset; less than asked: the source ends there
    uint32_t payload = 0; // bytes that follow the header
    uint32_t bad = 0;     // number of bad ranges
    uint64_t xxh64 = 0;   // of raw content
    // Microseconds, for the client's choice of depth and level.
    uint32_t read_us = 0;    // the read itself
    uint32_t waited_us = 0;  // for a core to become free
    uint32_t worked_us = 0;  // zero test, digest, compression
    uint32_t stalled_us = 0; // that all writing to the client has stood still since the reply before this one
    uint64_t body() const { return payload - (sha256 ? 32 : 0) - uint64_t{12} * bad; } // parse() made sure
};

std::array<std::byte, Hello::size_on_wire> render(const Hello& hello);
std::array<std::byte, Request::size_on_wire> render(const Request& request);
std::array<std::byte, ReplyHeader::size_on_wire> render(const ReplyHeader& reply);
const char* parse(std::span<const std::byte, Hello::size_on_wire> bytes, Hello& hello);
const char* parse(std::span<const std::byte, Request::size_on_wire> bytes, Request& request);
const char* parse(std::span<const std::byte, ReplyHeader::size_on_wire> bytes, ReplyHeader& reply);

// Ranges absolute, inside [offset, offset + got), ascending and disjoint, as a Read wants them.
std::vector<std::byte> render_bad(std::span<const Bad> bad, uint64_t offset);
const char* parse_bad(std::span<const std::byte> bytes, uint64_t offset, uint32_t got, std::vector<Bad>& bad);

// Contiguous from `within.offset`; they may end before within.end(), then the rest is asked for again.
std::vector<std::byte> render_extents(std::span<const Extent> extents);
const char* parse_extents(std::span<const std::byte> bytes, Range within, std::vector<Extent>& extents);

} // namespace kanshiki::agent
