#include "acquire/terminal/rate.h"
#include "kanshiki/escape.h"
#include "kanshiki/terminal.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fmt/format.h>
#include <mutex>
#include <nlohmann/json.hpp>
#include <sys/ioctl.h>
#include <unistd.h>

namespace kanshiki {
namespace {

using Clock = std::chrono::steady_clock;

std::string bytes_text(uint64_t bytes) {
    static constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double value = static_cast<double>(bytes);
    size_t unit = 0;
    for (; value >= 1024 && unit + 1 < std::size(units); ++unit) value /= 1024;
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string time_text(double seconds) {
    const auto total = static_cast<uint64_t>(std::min(seconds, 359999.0));
    return total >= 3600 ? fmt::format("{}:{:02}:{:02}", total / 3600, total / 60 % 60, total % 60)
                         : fmt::format("{}:{:02}", total / 60, total % 60);
}

class Console final : public Events {
public:
    Console(ProgressStyle style, bool quiet) : style_(style), quiet_(quiet) {
        if (style_ == ProgressStyle::automatic)
            style_ = ::isatty(STDERR_FILENO) ? ProgressStyle::bar : ProgressStyle::line;
        if (quiet_ && style_ != ProgressStyle::json) style_ = ProgressStyle::none;
    }
    ~Console() override {
        if (shown_) show_last();
        if (bar_drawn_) std::fputs("\n", stderr);
    }

    void report(const Event& event) override {
        std::lock_guard lock(mutex_);
        if (style_ == ProgressStyle::json) {
            nlohmann::ordered_json line{{"event", event.kind}, {"message", to_utf8_lossless(event.message)}};
            for (const auto& [name, value] : event.fields) line[name] = to_utf8_lossless(value);
            print(line.dump() + "\n");
        } else if (!quiet_ && (event.kind == "notice" || event.kind == "retry" || event.kind == "reconnect")) {
            print((bar_drawn_ ? "\r\033[K" : "") + std::string("kanshiki: ") + escape_terminal(event.message) + "\n");
            bar_drawn_ = false;
        }
    }

    void progress(const Progress& progress) override {
        if (style_ == ProgressStyle::none) return;
        const std::unique_lock lock(mutex_, std::try_to_lock);
        if (!lock) return; // another thread is drawing: this one need not wait
        if (progress.phase != last_.phase) {
            if (shown_) show_last();
            rate_ = Rate();
            due_ = Clock::now() + (style_ == ProgressStyle::line ? std::chrono::seconds(10) : std::chrono::seconds(0));
        }
        last_ = progress;
        rate_.add(Clock::now(), progress.done);
        if (Clock::now() >= due_) show(progress);
        shown_ = true;
    }

private:
    // The end of a phase: the bar and the stream of JSON show it; a line now and then need not.
    void show_last() {
        if (style_ == ProgressStyle::bar || style_ == ProgressStyle::json) show(last_);
    }

    void show(const Progress& progress) {
        using namespace std::chrono_literals;
        switch (style_) {
        case ProgressStyle::bar:
            draw_bar(progress);
            due_ = Clock::now() + 100ms;
            break;
        case ProgressStyle::line:
            print("kanshiki: " + sentence(progress) + "\n");
            due_ = Clock::now() + 10s;
            break;
        case ProgressStyle::json:
            print_json(progress);
            due_ = Clock::now() + 200ms;
            break;
        default:
            break;
        }
    }

    std::string sentence(const Progress& progress) const {
        const bool bytes = std::string_view(progress.unit) == "bytes";
        const auto amount = [&](uint64_t n) { return bytes ? bytes_text(n) : fmt::format("{} {}", n, progress.unit); };
        std::string out = progress.phase + " " + amount(progress.done);
        if (progress.size) out += " of " + amount(*progress.size);
        if (progress.size && *progress.size > 0)
            out += fmt::format(" ({:.0f} %)",
                               100.0 * static_cast<double>(progress.done) / static_cast<double>(*progress.size));
        const double rate = rate_.per_second();
        if (rate > 0)
            out += bytes ? fmt::format(", {}/s", bytes_text(static_cast<uint64_t>(rate)))
                         : fmt::format(", {:.0f}/s", rate);
        if (rate > 0 && progress.size && *progress.size > progress.done)
            out += ", " + time_text(static_cast<double>(*progress.size - progress.done) / rate) + " left";
        if (progress.stored > 0)
            out += fmt::format(", ratio {:.2f}",
                               static_cast<double>(progress.done) / static_cast<double>(progress.stored));
        if (progress.unreadable > 0) out += ", UNREADABLE " + bytes_text(progress.unreadable);
        return out;
    }

    void draw_bar(const Progress& progress) {
        winsize window{};
        const size_t columns =
            ::ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 20 ? window.ws_col : 80;
        std::string text = sentence(progress);
        if (progress.size && *progress.size > 0 && text.size() + 14 < columns) {
            const size_t room = std::min<size_t>(columns - text.size() - 4, 30);
            const size_t full = static_cast<size_t>(static_cast<double>(room) *
                                                    static_cast<double>(std::min(progress.done, *progress.size)) /
                                                    static_cast<double>(*progress.size));
            text = "[" + std::string(full, '#') + std::string(room - full, '.') + "] " + text;
        }
        print("\r\033[K" + text.substr(0, columns - 1));
        bar_drawn_ = true;
    }

    void print_json(const Progress& progress) const {
        nlohmann::ordered_json line{
            {"event", "progress"}, {"phase", progress.phase}, {"done", progress.done}, {"unit", progress.unit}};
        line["size"] = progress.size ? nlohmann::ordered_json(*progress.size) : nlohmann::ordered_json(nullptr);
        line["unreadable"] = progress.unreadable;
        line["stored"] = progress.stored;
        line["per_second"] = static_cast<uint64_t>(rate_.per_second());
        print(line.dump() + "\n");
    }

    static void print(const std::string& text) {
        std::fputs(text.c_str(), stderr);
        std::fflush(stderr);
    }

    std::mutex mutex_;
    ProgressStyle style_;
    const bool quiet_;
    Progress last_;
    Rate rate_;
    Clock::time_point due_{};
    bool shown_ = false, bar_drawn_ = false;
};

} // namespace

std::unique_ptr<Events> open_console(ProgressStyle style, bool quiet) {
    return std::make_unique<Console>(style, quiet);
}

} // namespace kanshiki
