#pragma once
// One connection with one agent behind it. Its thread takes jobs from the desk, sends them, and settles them as replies
// come, in whatever order. A lost connection's jobs go back to the desk; then it is made again, with growing pauses.

#include "acquire/source/ssh/agent/desk.h"
#include "acquire/source/ssh/agent/pace.h"
#include "acquire/source/ssh/agent/start.h"
#include "acquire/source/ssh/uri.h"
#include "acquire/source/ssh/window.h"

#include "acquire/block/file_descriptor.h"
#include "kanshiki/error.h"

#include <thread>
#include <unordered_map>

namespace kanshiki::ssh {

// What all connections of a source share.
struct Links {
    Uri uri;
    SshOptions options;
    AgentPlan plan;
    agent::Hello hello; // of the first agent; every later one must see the same source
    Events& events;
    unsigned connections = 1;
    Desk desk;
    Pace pace;
    std::atomic<unsigned> alive = 0; // connections that have not given up

    Links(Uri where, SshOptions how, AgentPlan what, agent::Hello first, Events& to, std::optional<int> level,
          unsigned most)
        : uri(std::move(where)), options(std::move(how)), plan(std::move(what)), hello(first), events(to),
          pace(level, most) {}
};

class Link {
public:
    // session and agent: of a connection that is made already; both null: it makes its own.
    Link(Links& shared, unsigned number, std::unique_ptr<Session> session, Agent agent);
    ~Link(); // stops the thread

private:
    void run(std::stop_token stop);
    void connect(std::stop_token stop);
    void serve(std::stop_token stop);
    bool send();
    bool receive(std::stop_token stop);
    void consume(std::span<const std::byte> bytes);
    void begin_reply();
    void end_reply();
    void stay_alive();
    void hang_up();
    void give_up(const Error& why);
    [[noreturn]] void rubbish(const std::string& what) const;
    unsigned share() const; // of the reads in flight
    bool has_room() const;

    Links& shared_;
    const unsigned number_;
    std::unique_ptr<Session> session_;
    Agent agent_; // after the session: it uses it

    FileDescriptor bell_;
    uint32_t next_id_ = 1;
    std::unordered_map<uint32_t, std::shared_ptr<Job>> sent_;
    std::vector<std::byte> outgoing_; // requests that the channel has not taken yet
    std::chrono::steady_clock::time_point talked_at_{};
    bool alive_asked_ = false;
    bool progressed_ = false; // a reply came since the last loss

    Window window_;
    std::vector<std::byte> incoming_;
    std::array<std::byte, agent::ReplyHeader::size_on_wire> header_;
    size_t header_have_ = 0, payload_have_ = 0;
    Reply reply_;
    std::shared_ptr<Job> answered_; // whose payload is coming; null: an answer nobody waits for, or none
    std::jthread thread_;           // last: it uses all of the above
};

} // namespace kanshiki::ssh
