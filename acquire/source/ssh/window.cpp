#include "acquire/source/ssh/window.h"

#include <algorithm>

namespace kanshiki::ssh {

using Clock = std::chrono::steady_clock;

void Window::trip(double seconds) { delay_ = delay_ == 0 ? seconds : std::min(delay_, seconds); }

void Window::start() {
    measured_at_ = Clock::now();
    since_ = 0;
}

void Window::got(size_t bytes) {
    since_ += bytes;
    const auto now = Clock::now();
    const double seconds = std::chrono::duration<double>(now - measured_at_).count();
    if (seconds < 4 * delay_ || seconds < 0.02) return;
    const double rate = static_cast<double>(since_) / seconds;
    bandwidth_ = rate > bandwidth_ ? rate : 0.75 * bandwidth_ + 0.25 * rate;
    measured_at_ = now;
    since_ = 0;
}

size_t Window::size() const { return std::max(least, std::min(most_, static_cast<size_t>(2 * bandwidth_ * delay_))); }

} // namespace kanshiki::ssh
