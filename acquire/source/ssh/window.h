#pragma once
// How large a window a channel needs, by what the way to the server carries.

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace kanshiki::ssh {

// The window is the count given to libssh's read (measured at 50 ms: 64 KiB 12 MiB/s, 16 MiB 197); on a short way a
// large one only costs memory traffic. One thread.
class Window {
public:
    static constexpr size_t least = 512 * 1024, most = 16 * 1024 * 1024;

    explicit Window(unsigned connections = 1) : most_(most / connections) {} // that share what is worth while

    void trip(double seconds); // a round trip was seen to take so long
    void start();              // measuring begins anew
    void got(size_t bytes);
    size_t size() const;
    double delay() const { return delay_; } // seconds of a round trip

private:
    size_t most_;
    std::chrono::steady_clock::time_point measured_at_{};
    uint64_t since_ = 0;
    double bandwidth_ = 100e6; // bytes a second; before it was measured, what a good way carries
    double delay_ = 0;
};

} // namespace kanshiki::ssh
