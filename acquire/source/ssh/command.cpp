#include "acquire/source/ssh/command.h"

#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki::ssh {

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto slice = 50ms;
constexpr size_t longest_line = 8 * 1024;

// A disk may be silent for minutes over one bad sector while its host is well: as long as the server answers
// keepalives a command may be silent for this many times the limit of a wait.
constexpr int patience = 10;

} // namespace

std::string Exit::text() const {
    if (status) return "exit status " + std::to_string(*status);
    return signal.empty() ? "no exit status" : "signal " + signal;
}

std::string joined(const std::deque<std::string>& errors) {
    std::string out;
    for (const std::string& line : errors) {
        if (line.empty()) continue;
        if (!out.empty()) out += " | ";
        out += line;
    }
    return out.size() > 300 ? "…" + out.substr(out.size() - 300) : out;
}

Command::Command(Session& session, const std::string& line, const std::string& what, std::stop_token stop)
    : session_(session), what_(what) {
    session_.events().report(
        {"command", what, {{"host", session_.name()}, {"user", session_.user()}, {"command", line}}});
    channel_ = ssh_channel_new(session_.raw());
    if (!channel_) session_.lost("starting " + what);
    callbacks_.size = sizeof callbacks_;
    callbacks_.userdata = this;
    callbacks_.channel_exit_status_function = [](ssh_session, ssh_channel, int status, void* self) {
        static_cast<Command*>(self)->status_ = status;
    };
    callbacks_.channel_exit_signal_function = [](ssh_session, ssh_channel, const char* signal, int, const char*,
                                                 const char*, void* self) {
        static_cast<Command*>(self)->signal_ = std::string(signal ? signal : "?").substr(0, 32);
    };
    callbacks_.channel_close_function = [](ssh_session, ssh_channel, void* self) {
        static_cast<Command*>(self)->closed_there_ = true;
    };
    ssh_set_channel_callbacks(channel_, &callbacks_);
    try {
        if (session_.drive([&] { return ssh_channel_open_session(channel_); }, SSH_AGAIN, "opening a channel", stop) !=
            SSH_OK) {
            if (!session_.connected()) session_.lost("opening a channel");
            throw Error{ExitCode::refused, session_.name() + ": the server opens no channel for a command: " +
                                               ssh_get_error(session_.raw())};
        }
        if (session_.drive([&] { return ssh_channel_request_exec(channel_, line.c_str()); }, SSH_AGAIN,
                           "starting a command", stop) != SSH_OK) {
            if (!session_.connected()) session_.lost("starting " + what);
            throw Error{ExitCode::refused, session_.name() + ": the server runs no command for " + session_.user()};
        }
    } catch (...) {
        ssh_remove_channel_callbacks(channel_, &callbacks_);
        ssh_channel_free(channel_);
        throw;
    }
    output_at_ = heard_at_ = asked_at_ = Clock::now();
    heard_ = session_.received();
}

Command::~Command() {
    ssh_channel_close(channel_);
    if (session_.is_dropbear()) await_close();
    ssh_remove_channel_callbacks(channel_, &callbacks_);
    ssh_channel_free(channel_);
}

// dropbear (seen in 2022.83) closes a channel that is opened while the death of another channel's command has not been
// noted yet, and dies of the request that follows. So a command that was given up is first seen off. One that hangs,
// on a bad disk or because nobody takes its output, does no harm: it does not die either.
void Command::await_close() {
    const auto deadline = Clock::now() + 500ms;
    while (!closed_there_ && session_.connected() && Clock::now() < deadline) {
        session_.take_packets();
        if (!closed_there_) session_.pause();
    }
}

void Command::drain_errors() {
    char buffer[16 * 1024];
    // A far side that only complains must not keep us from looking up.
    for (int turn = 0; turn < 64; ++turn) {
        const int got = ssh_channel_read_nonblocking(channel_, buffer, sizeof buffer, 1);
        if (got <= 0) return;
        take_error({buffer, static_cast<size_t>(got)});
    }
}

void Command::take_error(std::string_view bytes) {
    while (!bytes.empty()) {
        const size_t newline = bytes.find('\n');
        const std::string_view piece = bytes.substr(0, newline);
        const size_t room = longest_line - partial_.size();
        if (piece.size() > room) errors_complete_ = false;
        partial_ += piece.substr(0, room);
        if (newline == bytes.npos) return;
        end_error_line();
        bytes.remove_prefix(newline + 1);
    }
}

void Command::end_error_line() {
    std::string line = std::exchange(partial_, {});
    if (wanted_ && !wanted_(line)) return;
    errors_held_ += line.size() + sizeof(std::string);
    errors_.push_back(std::move(line));
    for (; errors_held_ > errors_most_; errors_.pop_front()) {
        errors_held_ -= errors_.front().size() + sizeof(std::string);
        errors_complete_ = false;
    }
}

void Command::keep_errors(size_t bytes, Wanted wanted) {
    errors_most_ = bytes;
    wanted_ = wanted;
}

// Nothing came within a slice: has anybody lost patience?
void Command::lose_patience(std::stop_token stop) {
    if (stop.stop_requested()) throw Error{ExitCode::interrupted, "interrupted"};
    const auto now = Clock::now();
    if (session_.received() != heard_) {
        heard_ = session_.received();
        heard_at_ = now;
    }
    const auto seconds = [](auto span) {
        return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(span).count()) + " s";
    };
    if (now - heard_at_ >= session_.limit())
        throw Error{ExitCode::source_lost, session_.name() + ": nothing came from the server for " +
                                               seconds(now - heard_at_) + " (" + what_ +
                                               "); check the network, or raise --timeout"};
    if (now - output_at_ >= patience * session_.limit())
        throw Error{ExitCode::source_lost, session_.name() + ": the server is there, but " + what_ +
                                               " gave nothing for " + seconds(now - output_at_) +
                                               "; raise --timeout if the disk is that slow"};
    if (now - heard_at_ >= session_.limit() / 4 && now - asked_at_ >= session_.limit() / 4) {
        asked_at_ = now;
        session_.ask_alive();
    }
    if (!told_ && now - output_at_ >= session_.limit()) {
        told_ = true;
        session_.events().report({"notice", what_ + ": no data for " + seconds(now - output_at_) +
                                                "; the server is alive, so the far disk is waited for"});
    }
}

size_t Command::read(std::span<std::byte> into, std::stop_token stop) {
    for (;;) {
        const int got = ssh_channel_read_timeout(channel_, into.data(), static_cast<uint32_t>(into.size()), 0,
                                                 static_cast<int>(slice.count()));
        drain_errors();
        if (got > 0) {
            output_at_ = heard_at_ = Clock::now();
            heard_ = session_.received();
            told_ = false;
            if (stop.stop_requested()) throw Error{ExitCode::interrupted, "interrupted"};
            return static_cast<size_t>(got);
        }
        if (got == SSH_ERROR || got == SSH_EOF || ssh_channel_is_eof(channel_) || ssh_channel_is_closed(channel_)) {
            if (!session_.connected()) session_.lost("reading the output of " + what_);
            output_at_ = Clock::now();
            return 0;
        }
        lose_patience(stop);
    }
}

std::optional<size_t> Command::try_read(std::span<std::byte> into) {
    const int got = ssh_channel_read_timeout(channel_, into.data(), static_cast<uint32_t>(into.size()), 0, 0);
    if (got > 0) {
        output_at_ = heard_at_ = Clock::now();
        heard_ = session_.received();
        told_ = false;
        return static_cast<size_t>(got);
    }
    drain_errors();
    if (got == SSH_ERROR || got == SSH_EOF || ssh_channel_is_eof(channel_) || ssh_channel_is_closed(channel_)) {
        if (!session_.connected()) session_.lost("reading the output of " + what_);
        return 0;
    }
    // A read that does not wait says "nothing yet" of a socket that has come to its end.
    if (!session_.connected()) session_.lost("reading the output of " + what_);
    return {};
}

void Command::wait(int other, Due due, std::stop_token stop) {
    if (due == Due::nothing) output_at_ = Clock::now();
    if (!(due == Due::much ? session_.pause_for_much(other) : session_.pause(other))) lose_patience(stop);
}

size_t Command::write(std::span<const std::byte> bytes) {
    const int took = ssh_channel_write(channel_, bytes.data(), static_cast<uint32_t>(bytes.size()));
    if (took >= 0) return static_cast<size_t>(took);
    if (took == SSH_AGAIN) return 0;
    if (!session_.connected()) session_.lost("writing to " + what_);
    throw Error{ExitCode::source_lost,
                session_.name() + ": " + what_ + " takes no more input: " + ssh_get_error(session_.raw())};
}

std::string Command::read_all(size_t limit, std::stop_token stop) {
    std::string out;
    std::vector<std::byte> buffer(64 * 1024);
    while (const size_t got = read(buffer, stop)) {
        if (out.empty()) first_output_at_ = std::chrono::system_clock::now();
        if (got > limit - out.size())
            throw Error{ExitCode::refused,
                        session_.name() + ": " + what_ + " answers with more than " + std::to_string(limit) + " bytes"};
        out.append(reinterpret_cast<const char*>(buffer.data()), got);
    }
    return out;
}

std::deque<std::string> Command::take_errors() {
    drain_errors();
    errors_held_ = 0;
    return std::exchange(errors_, {});
}

Exit Command::finish(std::stop_token stop) {
    const auto deadline = Clock::now() + session_.limit();
    const auto settled = [&] { return status_ || !signal_.empty(); };
    // The status may come after the end of the output, and in some servers the last errors after both.
    while (!ssh_channel_is_closed(channel_) && session_.connected()) {
        ssh_channel_get_exit_status(channel_); // non-blocking: turns the packet handler once
        drain_errors();
        if (ssh_channel_is_closed(channel_)) break;
        if (stop.stop_requested()) throw Error{ExitCode::interrupted, "interrupted"};
        if (Clock::now() >= (settled() ? std::min(deadline, output_at_ + 1s) : deadline)) break;
        session_.pause();
    }
    drain_errors();
    if (!partial_.empty()) end_error_line();
    if (!settled() && !session_.connected()) session_.lost("waiting for the end of " + what_);
    return {status_, signal_};
}

} // namespace kanshiki::ssh
