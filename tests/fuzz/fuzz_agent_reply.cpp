// What an agent, or who plays one, may answer: the greeting, the header, the lists, the content.
#include "acquire/source/ssh/agent/agent_source.h"

#include <algorithm>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace kanshiki;
    using agent::ReplyHeader;
    std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
    if (bytes.size() < ReplyHeader::size_on_wire) return 0;
    const auto first = bytes.first<ReplyHeader::size_on_wire>();
    agent::Hello hello;
    parse(first, hello);
    ssh::Reply reply;
    if (parse(first, reply.header)) return 0;
    // The link makes sure that the payload is as long as the header says.
    bytes = bytes.subspan(first.size());
    reply.payload.assign(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(
                                                            std::min<size_t>(bytes.size(), reply.header.payload)));
    reply.payload.resize(reply.header.payload);
    std::vector<Extent> extents;
    agent::parse_extents(reply.payload, {reply.header.offset, 1 << 30}, extents);
    std::vector<std::byte> into(512 * 1024), frame;
    try {
        const ssh::Content content = unpack(reply, into, &frame);
        uint64_t end = reply.header.offset;
        for (const Bad& bad : content.bad) {
            if (bad.range.offset < end || bad.range.end() > reply.header.offset + content.got) abort();
            end = bad.range.end();
        }
    } catch (const Error&) { // one clear line, and nothing else
    }
    return 0;
}
