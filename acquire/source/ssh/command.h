#pragma once
// One command on the far side: its output as it comes, its errors bounded, its end.

#include "acquire/source/ssh/session.h"

#include <deque>
#include <libssh/callbacks.h>
#include <optional>
#include <span>

namespace kanshiki::ssh {

// How a command ended.
struct Exit {
    std::optional<int> status; // nothing: a signal ended it, or the server did not say
    std::string signal;        // "KILL" …; empty when none was told
    bool ok() const { return status == 0; }
    std::string text() const; // "exit status 1", "signal KILL"
};

class Command {
public:
    // Starts `line` and reports it as our footprint; `what` says in a word or two what for.
    Command(Session& session, const std::string& line, const std::string& what, std::stop_token stop);
    ~Command(); // closes the channel: what still runs there gets SIGPIPE at its next write
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;

    // Waits for output and puts up to into.size() bytes of it there; 0 is the end of the output. The size also opens
    // the channel's window (libssh 0.10: ssh_channel_read_timeout). Throws Error{source_lost}, Error{interrupted}.
    size_t read(std::span<std::byte> into, std::stop_token stop);

    // The same without waiting: nothing, when nothing is there yet.
    std::optional<size_t> try_read(std::span<std::byte> into);

    // Waits a slice of a wait for output, or until `other` (a descriptor) can be read. `expected` says whether output
    // is due: silence is then counted, and too much of it throws as read() does. Whoever expects much is not woken for
    // little.
    enum class Due { nothing, some, much };
    void wait(int other, Due due, std::stop_token stop);

    // Gives the command up to all of `bytes` as its standard input; returns how much it took, perhaps 0: then later.
    size_t write(std::span<const std::byte> bytes);

    // All output, which must stay within `limit` bytes.
    std::string read_all(size_t limit, std::stop_token stop);
    std::chrono::system_clock::time_point first_output_at() const { return first_output_at_; } // of read_all()

    // Standard error, line by line, complete lines only until finish(). A line is cut at 8 KiB; of all lines the last
    // 64 KiB are kept, or what keep_errors() says.
    std::deque<std::string> take_errors();
    using Wanted = bool (*)(std::string_view line);
    void keep_errors(size_t bytes, Wanted wanted);            // before the first read
    bool errors_complete() const { return errors_complete_; } // no wanted line was dropped or cut

    Exit finish(std::stop_token stop); // after the end of the output

private:
    void drain_errors();
    void take_error(std::string_view bytes);
    void end_error_line();
    void await_close();
    void lose_patience(std::stop_token stop);

    Session& session_;
    std::string what_;
    ssh_channel channel_ = nullptr;
    ssh_channel_callbacks_struct callbacks_{};
    std::string signal_;
    std::optional<int> status_;
    bool closed_there_ = false;
    std::string partial_; // of an error line
    std::deque<std::string> errors_;
    size_t errors_held_ = 0, errors_most_ = 64 * 1024; // bytes
    Wanted wanted_ = nullptr;
    bool errors_complete_ = true;
    // The wait under way: since when no output came, and when the server was last heard.
    std::chrono::steady_clock::time_point output_at_, heard_at_, asked_at_;
    uint64_t heard_ = 0;
    std::chrono::system_clock::time_point first_output_at_{};
    bool told_ = false;
};

// The last lines of standard error in one, for messages: at most 300 bytes.
std::string joined(const std::deque<std::string>& errors);

} // namespace kanshiki::ssh
