#pragma once
// Where readers leave requests, and connections take them: one desk for one source, however many connections serve it.

#include "acquire/block/agent_protocol.h"

#include <condition_variable>
#include <exception>
#include <map>
#include <memory>
#include <mutex>

namespace kanshiki::ssh {

struct Reply {
    agent::ReplyHeader header;
    std::vector<std::byte> payload;
};

// One request on its way. Shared by the reader that waits for it and the connection that carries it.
class Job {
public:
    agent::Request request; // its id is the connection's business

private:
    friend class Desk;
    uint64_t number_ = 0; // of all jobs, in the order they came
    bool settled_ = false;
    Reply reply_;
    std::condition_variable_any done_;
};

class Desk {
public:
    // A reader's call: any thread. Waits for the answer. Throws what ended the source, or Error{interrupted}.
    Reply ask(const agent::Request& request, std::stop_token stop);
    void give_back(std::vector<std::byte> payload); // its memory is used again

    // A connection's calls. bell: an eventfd that is rung when there is work, or the desk is closed.
    void add_bell(int bell);
    void remove_bell(int bell);
    // The most urgent, of these the oldest; null: none now.
    std::shared_ptr<Job> take(bool urgent_only);
    void put_back(std::shared_ptr<Job> job); // its connection is lost; another takes it, in its old place
    void settle(const std::shared_ptr<Job>& job, Reply reply);
    std::vector<std::byte> room(size_t size);

    // The source is lost: whoever waits, and whoever asks from now on, gets this. The first one counts.
    void fail(std::exception_ptr why);
    bool failed() const;

private:
    using Place = std::pair<Priority, uint64_t>;

    void ring();

    mutable std::mutex mutex_;
    std::map<Place, std::shared_ptr<Job>> waiting_; // to be taken
    std::map<uint64_t, std::shared_ptr<Job>> open_; // not settled
    std::vector<int> bells_;
    std::vector<std::vector<std::byte>> spare_;
    uint64_t next_ = 0;
    std::exception_ptr failure_;
};

} // namespace kanshiki::ssh
