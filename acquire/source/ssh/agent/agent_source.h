#pragma once
// The agent transport: a source behind one or several connections, each with an agent beside the volume.

#include "acquire/source/ssh/agent/link.h"
#include "kanshiki/block_source.h"

namespace kanshiki::ssh {

class AgentSource final : public BlockSource {
public:
    // first: the connection that is made already, with its agent running.
    AgentSource(Uri uri, const OpenOptions& options, AgentPlan plan, SourceInfo info, std::unique_ptr<Session> first,
                Agent agent, Events& events);
    const SourceInfo& info() const override { return info_; }
    std::vector<Extent> extents(Range within, std::stop_token stop) override;
    void read(Read& read, std::stop_token stop) override;

private:
    void read_piece(Read& read, std::span<std::byte> into, std::stop_token stop);

    SourceInfo info_;
    const bool compress_, source_hash_;
    Links shared_;
    std::vector<std::unique_ptr<Link>> links_; // last: their threads use the rest
};

// Puts what an answer holds where the read wants it. content: as long as was asked. Throws Error{source_lost}: it is
// damaged. Any thread. frame: null, or where a compressed body is moved to.
struct Content {
    size_t got = 0;
    bool zero = false;
    std::vector<Bad> bad;
    std::optional<Digest> witness;
};
Content unpack(Reply& reply, std::span<std::byte> content, std::vector<std::byte>* frame);

} // namespace kanshiki::ssh
