#include "acquire/source/ssh/stream.h"

#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki::ssh {

namespace {

using Clock = std::chrono::steady_clock;

// Each dd is bounded: one whose link was cut must not read on for hours.
constexpr uint64_t first_segment = 1024 * 1024, largest_segment = 1024 * 1024 * 1024;
constexpr uint64_t growth = 8;
constexpr double quick_wire = 60 * 1024 * 1024;
constexpr size_t most_waiting = 8 * 1024 * 1024;
constexpr size_t item_size = 256 * 1024;

} // namespace

Stream::Stream(Session& session, const Far& far, Range range)
    : session_(session), far_(far), range_(range), thread_([this](std::stop_token stop) { run(stop); }) {}

Stream::~Stream() {
    thread_.request_stop();
    thread_.join();
}

void Stream::run(std::stop_token stop) {
    std::exception_ptr failure;
    try {
        uint64_t offset = range_.offset;
        for (uint64_t size = first_segment; offset < range_.end(); size = std::min(largest_segment, size * growth)) {
            const StreamCommand command =
                stream_command(far_, {offset, std::min(size, range_.end() - offset)}, wire_rate_ > quick_wire);
            offset = std::min(range_.end(), command.start + command.count);
            if (!run_segment(command, stop)) break;
            std::unique_lock lock(mutex_);
            if (size < largest_segment && !changed_.wait(lock, stop, [&] { return wanted_; })) break;
        }
    } catch (...) {
        failure = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    failure_ = failure;
    over_ = true;
    changed_.notify_all();
}

bool Stream::run_segment(const StreamCommand& command, std::stop_token stop) {
    const auto begun = Clock::now();
    Command running(session_, command.line, "dd " + std::to_string(command.start) + "+" + std::to_string(command.count),
                    stop);
    // Opening a channel and starting a command are two round trips and a little work.
    window_.trip(std::chrono::duration<double>(Clock::now() - begun).count() / 2);
    window_.start();

    Clock::duration waited{};
    for (bool more = true; more;) {
        const size_t count = window_.size();
        Item item = room(item_size + count);
        while (more && item.size < item_size) {
            const auto asked = Clock::now();
            const size_t got = running.read({item.bytes.get() + item.size, count}, stop);
            waited += Clock::now() - asked;
            item.size += got;
            window_.got(got);
            more = got > 0;
            if (item.size > 0) {
                const std::lock_guard lock(mutex_);
                if (items_.empty()) break; // the consumer waits
            }
        }
        item.start = command.start;
        item.count = command.count;
        if (item.size > 0) push(std::move(item), stop);
    }
    Item end;
    end.start = command.start;
    end.count = command.count;
    end.end = true;
    end.exit = running.finish(stop);
    end.dd = dd_status(running.take_errors());
    const bool go_on = end.exit.ok() && end.dd.status == 0;
    push(std::move(end), stop);
    return go_on;
}

Stream::Item Stream::room(size_t capacity) {
    {
        const std::lock_guard lock(mutex_);
        while (!spare_.empty()) {
            Item item = std::move(spare_.back());
            spare_.pop_back();
            if (item.capacity < capacity) continue;
            item.size = 0;
            return item;
        }
    }
    Item item;
    // Not touched before use: the pages behind what comes are never backed by memory.
    item.bytes = std::make_unique_for_overwrite<std::byte[]>(capacity);
    item.capacity = capacity;
    return item;
}

void Stream::push(Item item, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [&] { return waiting_ < most_waiting; }))
        throw Error{ExitCode::interrupted, "interrupted"};
    waiting_ += item.size;
    items_.push_back(std::move(item));
    changed_.notify_all();
}

Stream::Item Stream::next(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    if (items_.empty()) {
        wanted_ = true;
        changed_.notify_all();
    }
    if (!changed_.wait(lock, stop, [&] { return !items_.empty() || over_; }))
        throw Error{ExitCode::interrupted, "interrupted"};
    if (items_.empty() && failure_) std::rethrow_exception(failure_);
    if (items_.empty()) throw Error{ExitCode::internal, "ssh: read past the end of a stream"};
    Item item = std::move(items_.front());
    items_.pop_front();
    wanted_ = false;
    waiting_ -= item.size;
    changed_.notify_all();
    return item;
}

void Stream::give_back(Item item) {
    const std::lock_guard lock(mutex_);
    if (spare_.size() < 16) spare_.push_back(std::move(item));
}

} // namespace kanshiki::ssh
