#include "acquire/source/ssh/agent/agent_source.h"

#include <algorithm>

namespace kanshiki::ssh {

namespace {

// Threads that wait for a read each; memory is bounded by them.
constexpr unsigned most_in_flight = 64;
// A single connection is bound by its window on a long way, and by nothing of the kind on a short one (measured).
constexpr double long_way = 0.005; // seconds of a round trip
constexpr unsigned connections_on_a_long_way = 4;

unsigned connections(const SshOptions& options, double trip) {
    if (options.connections != 0) return options.connections;
    return trip >= long_way ? connections_on_a_long_way : 1;
}

std::optional<int> fixed_level(const SshOptions& options) {
    if (options.level) return options.level;
    return options.compress == "auto" ? std::nullopt : std::optional(1);
}

} // namespace

AgentSource::AgentSource(Uri uri, const OpenOptions& options, AgentPlan plan, SourceInfo info,
                         std::unique_ptr<Session> first, Agent agent, Events& events)
    : info_(std::move(info)), compress_(options.ssh.compress != "none"), source_hash_(options.ssh.source_hash),
      shared_(std::move(uri), options.ssh, std::move(plan), agent.hello, events, fixed_level(options.ssh),
              most_in_flight) {
    info_.access = Access::random;
    info_.lanes = most_in_flight;
    info_.holes = agent.hello.extents;
    const unsigned count = connections(options.ssh, agent.trip);
    shared_.connections = count;
    info_.identity.emplace_back("connections", std::to_string(count));
    links_.push_back(std::make_unique<Link>(shared_, 1, std::move(first), std::move(agent)));
    for (unsigned number = 2; number <= count; ++number)
        links_.push_back(std::make_unique<Link>(shared_, number, nullptr, Agent{}));
}

std::vector<Extent> AgentSource::extents(Range within, std::stop_token stop) {
    std::vector<Extent> out;
    while (within.size > 0) {
        agent::Request request;
        request.type = agent::RequestType::extents;
        request.priority = Priority::urgent;
        request.offset = within.offset;
        request.size = within.size;
        const Reply reply = shared_.desk.ask(request, stop);
        std::vector<Extent> part;
        if (const char* wrong = agent::parse_extents(reply.payload, within, part))
            throw Error{ExitCode::source_lost, info_.uri + ": the agent's answer is damaged: " + wrong};
        out.insert(out.end(), part.begin(), part.end());
        within = {part.back().range.end(), within.end() - part.back().range.end()};
    }
    return out;
}

void AgentSource::read(Read& read, std::stop_token stop) {
    read.got = 0;
    read.kind = Kind::data;
    read.bad.clear();
    read.witness.reset();
    if (read.frame) read.frame->clear();
    const uint64_t size = *info_.size;
    const size_t want =
        static_cast<size_t>(std::min<uint64_t>(read.into.size(), read.offset < size ? size - read.offset : 0));
    while (read.got < want) {
        const size_t before = read.got, piece = std::min<size_t>(want - before, agent::largest_read);
        read_piece(read, read.into.subspan(before, piece), stop);
        if (read.got < before + piece) return; // it ends there
    }
}

void AgentSource::read_piece(Read& read, std::span<std::byte> into, std::stop_token stop) {
    const bool whole = read.got == 0 && into.size() == read.into.size();
    agent::Request request;
    request.priority = read.priority;
    request.compress = compress_;
    request.sha256 = source_hash_ && whole;
    request.offset = read.offset + read.got;
    request.size = into.size();
    Reply reply = shared_.desk.ask(request, stop);
    Content content = unpack(reply, into, whole ? read.frame : nullptr);
    shared_.desk.give_back(std::move(reply.payload));
    read.got += content.got;
    read.bad.insert(read.bad.end(), content.bad.begin(), content.bad.end());
    if (whole && content.zero) read.kind = Kind::zero;
    if (whole) read.witness = content.witness;
}

} // namespace kanshiki::ssh
