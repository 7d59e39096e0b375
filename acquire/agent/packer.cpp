#include "acquire/agent/packer.h"

#include "acquire/block/sha256.h"
#include "acquire/block/xxh64.h"
#include "acquire/block/zero.h"

#include <chrono>
#include <new>
#include <zstd.h>

namespace kanshiki::agent {

namespace {

using Clock = std::chrono::steady_clock;

uint32_t microseconds(Clock::duration span) {
    const auto count = std::chrono::duration_cast<std::chrono::microseconds>(span).count();
    return count < 0 ? 0 : count > UINT32_MAX ? UINT32_MAX : static_cast<uint32_t>(count);
}

// The frame of `content`, or 0 where it would not be smaller.
size_t compress(ZSTD_CCtx* context, int level, std::span<const std::byte> content, std::vector<std::byte>& out) {
    ZSTD_CCtx_reset(context, ZSTD_reset_session_only);
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    out.resize(ZSTD_compressBound(content.size()));
    const size_t size = ZSTD_compress2(context, out.data(), out.size(), content.data(), content.size());
    return ZSTD_isError(size) || size >= content.size() ? 0 : size;
}

} // namespace

Packer::Packer(unsigned cores) {
    for (unsigned i = 0; i < std::max(1u, cores); ++i) {
        places_.push_back(ZSTD_createCCtx());
        if (!places_.back()) throw std::bad_alloc();
    }
}

Packer::~Packer() {
    for (ZSTD_CCtx* place : places_) ZSTD_freeCCtx(place);
}

ZSTD_CCtx* Packer::enter() {
    std::unique_lock lock(mutex_);
    free_.wait(lock, [&] { return !places_.empty(); });
    ZSTD_CCtx* place = places_.back();
    places_.pop_back();
    return place;
}

void Packer::leave(ZSTD_CCtx* place) {
    const std::lock_guard lock(mutex_);
    places_.push_back(place);
    free_.notify_one();
}

void Packer::pack(const Request& request, const Read& read, Packed& out) {
    const auto asked = Clock::now();
    ZSTD_CCtx* place = enter();
    const auto begun = Clock::now();
    try {
        shape(request, read, place, out);
    } catch (...) {
        leave(place);
        throw;
    }
    leave(place);
    out.header.waited_us = microseconds(begun - asked);
    out.header.worked_us = microseconds(Clock::now() - begun);
}

void Packer::shape(const Request& request, const Read& read, ZSTD_CCtx* place, Packed& out) {
    const std::span<const std::byte> content = read.into.first(read.got);
    ReplyHeader& header = out.header;
    header = {};
    header.id = request.id;
    header.offset = request.offset;
    header.got = static_cast<uint32_t>(read.got);
    header.sha256 = request.sha256;
    header.bad = static_cast<uint32_t>(read.bad.size());
    out.lists.clear();
    if (request.sha256) {
        const Digest digest = sha256(content);
        out.lists.assign(digest.begin(), digest.end());
    }
    const std::vector<std::byte> bad = render_bad(read.bad, request.offset);
    out.lists.insert(out.lists.end(), bad.begin(), bad.end());
    out.body = {};
    if (is_zero(content)) {
        header.type = ReplyType::zero;
    } else if (const size_t size = request.compress ? compress(place, request.level, content, out.compressed) : 0) {
        header.type = ReplyType::zstd;
        out.body = std::span(out.compressed).first(size);
    } else {
        header.type = ReplyType::raw;
        header.xxh64 = xxh64(content);
        out.body = content;
    }
    header.payload = static_cast<uint32_t>(out.lists.size() + out.body.size());
}

} // namespace kanshiki::agent
