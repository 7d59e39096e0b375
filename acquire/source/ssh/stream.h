#pragma once
// The read-ahead: a thread that owns the session while it lives, and keeps the wire busy through a bounded queue.

#include "acquire/source/ssh/command.h"
#include "acquire/source/ssh/dd_command.h"
#include "acquire/source/ssh/window.h"

#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>

namespace kanshiki::ssh {

class Stream {
public:
    // Reads [range.offset, range.end()) by bounded dd commands one after the other: the first is short, and none of the
    // short ones is followed by the next before that is wanted, so that a look here and there does not pull much.
    Stream(Session& session, const Far& far, Range range);
    ~Stream(); // stops the thread; after it the session is the caller's again

    // What comes next: bytes of a segment's output, or how the segment ended.
    struct Item {
        std::unique_ptr<std::byte[]> bytes;
        size_t capacity = 0, size = 0;
        // of an end:
        bool end = false;
        Exit exit;
        DdStatus dd;
        // of its segment: what the command was asked for
        uint64_t start = 0, count = 0;
    };

    // Waits for the next item; throws what ended the thread, once all before it was taken. After an end whose dd did
    // not succeed nothing more comes.
    Item next(std::stop_token stop);
    void give_back(Item item); // its memory is used again

private:
    void run(std::stop_token stop);
    bool run_segment(const StreamCommand& command, std::stop_token stop); // true: go on with the next
    void push(Item item, std::stop_token stop);
    Item room(size_t capacity);

    Session& session_;
    const Far far_;
    const Range range_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<Item> items_;
    std::vector<Item> spare_;
    size_t waiting_ = 0;  // bytes in items_
    bool wanted_ = false; // the consumer has emptied the queue and waits
    bool over_ = false;   // the thread ended
    std::exception_ptr failure_;

    // The thread's own.
    Window window_;
    double wire_rate_ = 0; // bytes a second of the last segment, while we waited for it
    std::jthread thread_;  // last: it uses all of the above
};

} // namespace kanshiki::ssh
