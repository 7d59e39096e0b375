#include "acquire/source/ssh/agent/link.h"

#include <algorithm>
#include <condition_variable>
#include <sys/eventfd.h>
#include <unistd.h>

namespace kanshiki::ssh {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

// A connection that is lost so many times without one reply in between is given up: 1 + 2 + 4 + 8 + 16 s of pauses.
constexpr unsigned most_losses = 6;
// Urgent requests do not wait until the bulk has room.
constexpr unsigned urgent_room = 8;
constexpr unsigned most_at_a_time = 4;
// With so many replies due it is worth while to wait for several of them.
constexpr size_t much_due = 6;

void pause_for(std::chrono::seconds seconds, std::stop_token stop) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, seconds, [] { return false; });
}

// What runs there is not our agent, or plays false: to start it again would change nothing.
struct PlaysFalse : Error {
    using Error::Error;
};

std::string printable(std::span<const std::byte> bytes) {
    std::string out(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    std::replace_if(
        out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
    return out;
}

} // namespace

Link::Link(Links& shared, unsigned number, std::unique_ptr<Session> session, Agent agent)
    : shared_(shared), number_(number), session_(std::move(session)), agent_(std::move(agent)),
      bell_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), window_(shared.connections) {
    if (!bell_) throw Error{ExitCode::internal, "no eventfd from the kernel"};
    ++shared_.alive;
    shared_.desk.add_bell(bell_.get());
    thread_ = std::jthread([this](std::stop_token stop) { run(stop); });
}

Link::~Link() {
    thread_.request_stop();
    const uint64_t one = 1;
    if (write(bell_.get(), &one, sizeof one) < 0) thread_.request_stop(); // full: it is awake
    thread_.join();
    shared_.desk.remove_bell(bell_.get());
}

void Link::run(std::stop_token stop) {
    unsigned losses = 0;
    while (!stop.stop_requested() && !shared_.desk.failed()) {
        try {
            if (!agent_.command) connect(stop);
            serve(stop);
        } catch (const PlaysFalse& error) {
            hang_up();
            return give_up(error);
        } catch (const Error& error) {
            if (stop.stop_requested()) return;
            hang_up();
            losses = std::exchange(progressed_, false) ? 1 : losses + 1;
            if (error.code() != ExitCode::source_lost || losses >= most_losses) return give_up(error);
            const auto pause = std::chrono::seconds(1 << (losses - 1));
            shared_.events.report(
                {"reconnect",
                 error.what() + std::string("; connecting again in ") + std::to_string(pause.count()) + " s",
                 {{"connection", std::to_string(number_)}}});
            pause_for(pause, stop);
        } catch (...) {
            shared_.desk.fail(std::current_exception());
            return;
        }
    }
}

// The others go on; without others the source is lost.
void Link::give_up(const Error& why) {
    if (--shared_.alive == 0)
        shared_.desk.fail(std::make_exception_ptr(why));
    else
        shared_.events.report({"notice",
                               std::string("one connection is given up, the others go on: ") + why.what(),
                               {{"connection", std::to_string(number_)}}});
}

void Link::connect(std::stop_token stop) {
    SshOptions options = shared_.options;
    options.may_ask = false; // nobody waits at the terminal for this
    session_ = std::make_unique<Session>(shared_.uri, options, shared_.events, stop);
    agent_ = start_agent(*session_, shared_.plan, stop);
    if (!agent_.command) throw Error{ExitCode::refused, session_->name() + ": no agent can be started: " + agent_.why};
    const agent::Hello &now = agent_.hello, &first = shared_.hello;
    if (now.size != first.size || now.device != first.device || now.logical_sector != first.logical_sector)
        throw Error{ExitCode::refused, session_->name() + ": " + shared_.plan.path + " is not what it was: it had " +
                                           std::to_string(first.size) + " bytes, now " + std::to_string(now.size)};
}

// The connection is over: what it carried goes to the others, or to itself when it is back.
void Link::hang_up() {
    agent_.command.reset();
    session_.reset();
    outgoing_.clear();
    if (answered_) shared_.desk.put_back(std::exchange(answered_, nullptr)); // its answer was cut in the middle
    header_have_ = payload_have_ = 0;
    alive_asked_ = false;
    for (auto& [id, job] : std::exchange(sent_, {})) shared_.desk.put_back(std::move(job));
}

void Link::serve(std::stop_token stop) {
    window_.trip(agent_.trip);
    window_.start();
    shared_.pace.trip(agent_.trip);
    shared_.pace.far_cores(agent_.hello.cores);
    talked_at_ = Clock::now();
    while (!stop.stop_requested() && !shared_.desk.failed()) {
        const bool sent = send();
        if (receive(stop) || sent) continue;
        stay_alive();
        using Due = Command::Due;
        const Due due = sent_.size() >= much_due         ? Due::much
                        : !sent_.empty() || alive_asked_ ? Due::some
                                                         : Due::nothing;
        const bool room = has_room();
        agent_.command->wait(room ? bell_.get() : -1, due, stop);
        uint64_t rung;
        if (room && read(bell_.get(), &rung, sizeof rung) < 0) continue; // not rung
    }
}

unsigned Link::share() const { return std::max(1u, shared_.pace.depth() / std::max(1u, shared_.alive.load())); }

// Requests are sent a few at a time, since each packet wakes the server, and that the agent.
bool Link::has_room() const { return sent_.size() + std::min<size_t>(most_at_a_time, share() / 4) <= share(); }

bool Link::send() {
    const bool room_at_first = has_room();
    for (;;) {
        const bool room = room_at_first && sent_.size() < share();
        if (!room && sent_.size() >= share() + urgent_room) break;
        std::shared_ptr<Job> job = shared_.desk.take(!room);
        if (!job) break;
        job->request.id = next_id_;
        next_id_ = std::max(1u, next_id_ + 1); // 0 is for signs of life
        job->request.level = static_cast<int8_t>(shared_.pace.level());
        const auto line = render(job->request);
        outgoing_.insert(outgoing_.end(), line.begin(), line.end());
        sent_.emplace(job->request.id, std::move(job));
    }
    if (outgoing_.empty()) return false;
    const size_t took = agent_.command->write(outgoing_);
    outgoing_.erase(outgoing_.begin(), outgoing_.begin() + static_cast<std::ptrdiff_t>(took));
    talked_at_ = Clock::now();
    return took > 0;
}

// An agent that hears nothing ends, so that none is left behind; one that is only not needed now must not.
void Link::stay_alive() {
    if (!sent_.empty() || alive_asked_ || Clock::now() - talked_at_ < session_->limit() / 3) return;
    agent::Request request;
    request.type = agent::RequestType::alive;
    const auto line = render(request);
    outgoing_.insert(outgoing_.end(), line.begin(), line.end());
    alive_asked_ = true;
}

bool Link::receive(std::stop_token stop) {
    if (incoming_.size() < window_.size()) incoming_.resize(window_.size());
    const std::optional<size_t> got = agent_.command->try_read(std::span(incoming_).first(window_.size()));
    if (!got) return false;
    if (*got == 0) {
        const Exit exit = agent_.command->finish(stop);
        const std::string said = joined(agent_.command->take_errors());
        throw Error{ExitCode::source_lost, session_->name() + ": the agent there ended (" + exit.text() +
                                               (said.empty() ? "" : ": " + said) + ")"};
    }
    window_.got(*got);
    consume(std::span(incoming_).first(*got));
    return true;
}

void Link::consume(std::span<const std::byte> bytes) {
    const auto take = [&bytes](std::span<std::byte> into) {
        const size_t size = std::min(into.size(), bytes.size());
        std::copy_n(bytes.begin(), size, into.begin());
        bytes = bytes.subspan(size);
        return size;
    };
    while (!bytes.empty()) {
        if (header_have_ < header_.size()) {
            header_have_ += take(std::span(header_).subspan(header_have_));
            if (header_have_ < header_.size()) return;
            begin_reply();
        }
        payload_have_ += take(std::span(reply_.payload).subspan(payload_have_));
        if (payload_have_ < reply_.payload.size()) return;
        end_reply();
    }
}

void Link::rubbish(const std::string& what) const {
    throw PlaysFalse{ExitCode::source_lost,
                     session_->name() +
                         ": what runs in the agent's place there does not keep to the protocol: " + what};
}

void Link::begin_reply() {
    agent::ReplyHeader& header = reply_.header;
    if (const char* wrong = parse(header_, header)) rubbish(wrong);
    using enum agent::ReplyType;
    if (header.type == alive) {
        if (!alive_asked_ || header.id != 0) rubbish("a sign of life nobody asked for");
    } else if (header.type != failed) {
        const auto found = sent_.find(header.id);
        if (found == sent_.end()) rubbish("an answer to nothing that was asked");
        answered_ = std::move(found->second);
        sent_.erase(found);
        const agent::Request& asked = answered_->request;
        if (header.offset != asked.offset) rubbish("an answer for another place");
        if ((header.type == extents) != (asked.type == agent::RequestType::extents))
            rubbish("an answer of another type");
        if (header.got > asked.size) rubbish("more content than was asked for");
        if (header.type != extents && header.sha256 != asked.sha256) rubbish("a digest where none was asked, or none");
        if (header.type == zstd && !asked.compress) rubbish("compressed content that was not asked for");
    }
    // Bounded by what parse() allows for each type: about the largest read.
    reply_.payload = shared_.desk.room(header.payload);
    payload_have_ = 0;
}

void Link::end_reply() {
    header_have_ = payload_have_ = 0;
    const agent::ReplyHeader& header = reply_.header;
    if (header.type == agent::ReplyType::alive) {
        alive_asked_ = false;
        return;
    }
    if (header.type == agent::ReplyType::failed) {
        shared_.desk.fail(std::make_exception_ptr(Error{
            ExitCode::source_lost, session_->name() + ": the agent there gave up: " + printable(reply_.payload)}));
        return;
    }
    progressed_ = true;
    shared_.pace.note(header);
    shared_.desk.settle(std::exchange(answered_, nullptr), std::move(reply_));
    reply_ = {};
}

} // namespace kanshiki::ssh
