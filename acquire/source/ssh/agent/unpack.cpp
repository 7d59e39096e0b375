// From an answer of the agent to the bytes it stands for. The far side may be hostile: nothing is taken on trust.
#include "acquire/source/ssh/agent/agent_source.h"

#include "acquire/block/xxh64.h"
#include "acquire/block/zstd_frame.h"

#include <zstd.h>

namespace kanshiki::ssh {

namespace {

[[noreturn]] void damaged(const agent::ReplyHeader& header, const std::string& what) {
    throw Error{ExitCode::source_lost,
                "the agent's answer for byte " + std::to_string(header.offset) + " is damaged: " + what};
}

ZSTD_DCtx* decompressor() {
    struct Free {
        void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
    };
    thread_local const std::unique_ptr<ZSTD_DCtx, Free> context(ZSTD_createDCtx());
    if (!context) throw std::bad_alloc();
    return context.get();
}

void decompress(const agent::ReplyHeader& header, std::span<const std::byte> body, std::span<std::byte> content) {
    if (const char* wrong = check_chunk_frame(body, content.size())) damaged(header, wrong);
    // The frame's checksum is XXH64 of what was read there, so this is also the check of the way.
    const size_t size = ZSTD_decompressDCtx(decompressor(), content.data(), content.size(), body.data(), body.size());
    if (ZSTD_isError(size)) damaged(header, ZSTD_getErrorName(size));
    if (size != content.size()) damaged(header, "it holds less than it says");
}

} // namespace

Content unpack(Reply& reply, std::span<std::byte> content, std::vector<std::byte>* frame) {
    const agent::ReplyHeader& header = reply.header;
    Content out;
    out.got = header.got;
    if (out.got > content.size()) damaged(header, "more than was asked for");
    content = content.first(out.got);
    std::span<const std::byte> rest = reply.payload;
    if (header.sha256) {
        std::copy_n(rest.begin(), out.witness.emplace().size(), out.witness->begin());
        rest = rest.subspan(out.witness->size());
    }
    const size_t lists = agent::bad_entry_size * header.bad;
    if (const char* wrong = agent::parse_bad(rest.first(lists), header.offset, header.got, out.bad))
        damaged(header, wrong);
    const std::span<const std::byte> body = rest.subspan(lists);
    switch (header.type) {
    case agent::ReplyType::zero:
        std::fill(content.begin(), content.end(), std::byte{0});
        out.zero = out.bad.empty();
        break;
    case agent::ReplyType::raw:
        if (xxh64(body) != header.xxh64) damaged(header, "its XXH64 is another");
        std::copy(body.begin(), body.end(), content.begin());
        break;
    case agent::ReplyType::zstd:
        decompress(header, body, content);
        break;
    default:
        damaged(header, "it is no content");
    }
    // What could not be read is zero, whatever came.
    for (const Bad& bad : out.bad)
        std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(bad.range.offset - header.offset), bad.range.size,
                    std::byte{0});
    if (frame && header.type == agent::ReplyType::zstd && body.size() == reply.payload.size())
        std::swap(*frame, reply.payload);
    return out;
}

} // namespace kanshiki::ssh
