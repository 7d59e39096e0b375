#include "acquire/block/agent_protocol.h"

#include <bit>

namespace kanshiki::agent {
namespace {

static_assert(std::endian::native == std::endian::little, "both sides are little-endian machines");

constexpr char hello_magic[8] = {'K', 'A', 'N', 'S', 'H', 'I', 'K', 'I'};
constexpr uint32_t request_magic = 0x5152'534b; // "KSRQ"
constexpr uint32_t reply_magic = 0x5052'534b;   // "KSRP"
constexpr size_t bad_size = bad_entry_size, extent_size = 24;

template<class Number>
void put(std::byte* bytes, size_t at, Number value) {
    std::memcpy(bytes + at, &value, sizeof value);
}

template<class Number>
Number get(const std::byte* bytes, size_t at) {
    Number value;
    std::memcpy(&value, bytes + at, sizeof value);
    return value;
}

bool fits(uint64_t offset, uint64_t size) { return offset <= INT64_MAX && size <= INT64_MAX - offset; }

} // namespace

std::array<std::byte, Hello::size_on_wire> render(const Hello& hello) {
    std::array<std::byte, Hello::size_on_wire> out{};
    std::memcpy(out.data(), hello_magic, sizeof hello_magic);
    put(out.data(), 8, hello.version);
    put<uint16_t>(out.data(), 10,
                  static_cast<uint16_t>((hello.device ? 1 : 0) | (hello.direct ? 2 : 0) | (hello.extents ? 4 : 0)));
    put(out.data(), 12, hello.logical_sector);
    put(out.data(), 16, hello.size);
    put(out.data(), 24, hello.cores);
    put(out.data(), 28, hello.process);
    return out;
}

const char* parse(std::span<const std::byte, Hello::size_on_wire> bytes, Hello& hello) {
    if (std::memcmp(bytes.data(), hello_magic, sizeof hello_magic) != 0) return "it does not begin as an agent";
    hello.version = get<uint16_t>(bytes.data(), 8);
    if (hello.version != protocol_version) return "its protocol has another version";
    const uint16_t flags = get<uint16_t>(bytes.data(), 10);
    if (flags > 7) return "unknown flags";
    hello.device = flags & 1;
    hello.direct = flags & 2;
    hello.extents = flags & 4;
    hello.logical_sector = get<uint32_t>(bytes.data(), 12);
    if (!std::has_single_bit(hello.logical_sector) || hello.logical_sector < 512 || hello.logical_sector > 65536)
        return "a sector size that is none";
    hello.size = get<uint64_t>(bytes.data(), 16);
    if (!fits(hello.size, 0)) return "a size out of bounds";
    hello.cores = get<uint32_t>(bytes.data(), 24);
    hello.process = get<uint32_t>(bytes.data(), 28);
    for (size_t at = 32; at < bytes.size(); ++at)
        if (bytes[at] != std::byte{0}) return "bytes that must be zero are not";
    return nullptr;
}

std::array<std::byte, Request::size_on_wire> render(const Request& request) {
    std::array<std::byte, Request::size_on_wire> out{};
    put(out.data(), 0, request_magic);
    put(out.data(), 4, request.id);
    put(out.data(), 8, request.offset);
    put(out.data(), 16, request.size);
    put(out.data(), 24, request.type);
    put(out.data(), 25, request.priority);
    put(out.data(), 26, request.level);
    put<uint8_t>(out.data(), 27, static_cast<uint8_t>((request.compress ? 1 : 0) | (request.sha256 ? 2 : 0)));
    return out;
}

const char* parse(std::span<const std::byte, Request::size_on_wire> bytes, Request& request) {
    if (get<uint32_t>(bytes.data(), 0) != request_magic) return "it does not begin as a request";
    request.id = get<uint32_t>(bytes.data(), 4);
    request.offset = get<uint64_t>(bytes.data(), 8);
    request.size = get<uint64_t>(bytes.data(), 16);
    const uint8_t type = get<uint8_t>(bytes.data(), 24), priority = get<uint8_t>(bytes.data(), 25),
                  flags = get<uint8_t>(bytes.data(), 27);
    request.level = get<int8_t>(bytes.data(), 26);
    if (type < 1 || type > 3) return "an unknown type of request";
    if (priority > 1) return "an unknown priority";
    if (flags > 3) return "unknown flags";
    if (request.level < lowest_level || request.level > highest_level) return "a level that is none";
    if (get<uint32_t>(bytes.data(), 28) != 0) return "bytes that must be zero are not";
    request.type = RequestType{type};
    request.priority = Priority{priority};
    request.compress = flags & 1;
    request.sha256 = flags & 2;
    if (!fits(request.offset, request.size)) return "a range out of bounds";
    if (request.type == RequestType::read && (request.size == 0 || request.size > largest_read))
        return "a read of a size that is not allowed";
    if (request.type == RequestType::alive && (request.size != 0 || request.offset != 0))
        return "a sign of life with a range";
    return nullptr;
}

std::array<std::byte, ReplyHeader::size_on_wire> render(const ReplyHeader& reply) {
    std::array<std::byte, ReplyHeader::size_on_wire> out{};
    put(out.data(), 0, reply_magic);
    put(out.data(), 4, reply.id);
    put(out.data(), 8, reply.offset);
    put(out.data(), 16, reply.got);
    put(out.data(), 20, reply.payload);
    put(out.data(), 24, reply.type);
    put<uint8_t>(out.data(), 25, reply.sha256 ? 1 : 0);
    put(out.data(), 28, reply.bad);
    put(out.data(), 32, reply.xxh64);
    put(out.data(), 40, reply.read_us);
    put(out.data(), 44, reply.waited_us);
    put(out.data(), 48, reply.worked_us);
    put(out.data(), 52, reply.stalled_us);
    return out;
}

namespace {

// What each type may hold.
const char* check_shape(const ReplyHeader& reply) {
    const uint64_t lists = (reply.sha256 ? 32 : 0) + uint64_t{bad_size} * reply.bad;
    if (lists > reply.payload) return "lists longer than the reply";
    const uint64_t body = reply.payload - lists;
    const bool content = reply.type == ReplyType::zero || reply.type == ReplyType::raw || reply.type == ReplyType::zstd;
    if (!content && (reply.got != 0 || reply.sha256 || reply.bad != 0)) return "content where none belongs";
    switch (reply.type) {
    case ReplyType::zero:
        return body == 0 ? nullptr : "zeros with a body";
    case ReplyType::raw:
        return body == reply.got ? nullptr : "a raw body of another size than its content";
    case ReplyType::zstd:
        // The agent sends raw what does not get smaller.
        return body > 0 && body < reply.got ? nullptr : "a compressed body not smaller than its content";
    case ReplyType::extents:
        return body % extent_size == 0 && body <= uint64_t{most_extents} * extent_size ? nullptr
                                                                                       : "extents of a wrong size";
    case ReplyType::alive:
        return body == 0 ? nullptr : "a sign of life with a body";
    case ReplyType::failed:
        return body <= longest_failure ? nullptr : "a failure told too long";
    }
    return "an unknown type of reply";
}

} // namespace

const char* parse(std::span<const std::byte, ReplyHeader::size_on_wire> bytes, ReplyHeader& reply) {
    if (get<uint32_t>(bytes.data(), 0) != reply_magic) return "it does not begin as a reply";
    reply.id = get<uint32_t>(bytes.data(), 4);
    reply.offset = get<uint64_t>(bytes.data(), 8);
    reply.got = get<uint32_t>(bytes.data(), 16);
    reply.payload = get<uint32_t>(bytes.data(), 20);
    const uint8_t type = get<uint8_t>(bytes.data(), 24), flags = get<uint8_t>(bytes.data(), 25);
    reply.bad = get<uint32_t>(bytes.data(), 28);
    reply.xxh64 = get<uint64_t>(bytes.data(), 32);
    reply.read_us = get<uint32_t>(bytes.data(), 40);
    reply.waited_us = get<uint32_t>(bytes.data(), 44);
    reply.worked_us = get<uint32_t>(bytes.data(), 48);
    reply.stalled_us = get<uint32_t>(bytes.data(), 52);
    if (type < 1 || type > 6) return "an unknown type of reply";
    if (flags > 1) return "unknown flags";
    if (get<uint16_t>(bytes.data(), 26) != 0 || get<uint64_t>(bytes.data(), 56) != 0)
        return "bytes that must be zero are not";
    reply.type = ReplyType{type};
    reply.sha256 = flags & 1;
    if (reply.got > largest_read) return "more content than may be asked for";
    if (reply.bad > most_bad) return "more bad ranges than sectors";
    if (!fits(reply.offset, reply.got)) return "a range out of bounds";
    return check_shape(reply);
}

std::vector<std::byte> render_bad(std::span<const Bad> bad, uint64_t offset) {
    std::vector<std::byte> out(bad.size() * bad_size);
    for (size_t i = 0; i < bad.size(); ++i) {
        put(out.data(), i * bad_size, static_cast<uint32_t>(bad[i].range.offset - offset));
        put(out.data(), i * bad_size + 4, static_cast<uint32_t>(bad[i].range.size));
        put(out.data(), i * bad_size + 8, static_cast<uint32_t>(bad[i].error));
    }
    return out;
}

const char* parse_bad(std::span<const std::byte> bytes, uint64_t offset, uint32_t got, std::vector<Bad>& bad) {
    bad.clear();
    if (bytes.size() % bad_size != 0) return "a list of bad ranges that is cut";
    uint64_t end = 0;
    for (size_t at = 0; at < bytes.size(); at += bad_size) {
        const uint64_t from = get<uint32_t>(bytes.data(), at), size = get<uint32_t>(bytes.data(), at + 4);
        const uint32_t error = get<uint32_t>(bytes.data(), at + 8);
        if (size == 0 || from < end || from + size > got) return "a bad range outside what was read";
        if (error == 0 || error > 4095) return "a bad range without an error number";
        end = from + size;
        bad.push_back({{offset + from, size}, static_cast<int>(error)});
    }
    return nullptr;
}

std::vector<std::byte> render_extents(std::span<const Extent> extents) {
    std::vector<std::byte> out(extents.size() * extent_size);
    for (size_t i = 0; i < extents.size(); ++i) {
        put(out.data(), i * extent_size, extents[i].range.offset);
        put(out.data(), i * extent_size + 8, extents[i].range.size);
        put<uint64_t>(out.data(), i * extent_size + 16, extents[i].kind == Kind::data ? 0 : 1);
    }
    return out;
}

const char* parse_extents(std::span<const std::byte> bytes, Range within, std::vector<Extent>& extents) {
    extents.clear();
    if (bytes.empty() || bytes.size() % extent_size != 0) return "a list of extents that is cut";
    uint64_t at = within.offset;
    for (size_t i = 0; i < bytes.size(); i += extent_size) {
        const uint64_t offset = get<uint64_t>(bytes.data(), i), size = get<uint64_t>(bytes.data(), i + 8),
                       kind = get<uint64_t>(bytes.data(), i + 16);
        if (offset != at || size == 0 || size > within.end() - at)
            return "extents with gaps, or outside what was asked";
        if (kind > 1) return "an unknown kind of extent";
        extents.push_back({{offset, size}, kind == 0 ? Kind::data : Kind::zero});
        at += size;
    }
    return nullptr;
}

} // namespace kanshiki::agent
