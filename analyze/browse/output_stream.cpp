#include "analyze/browse/output_stream.h"

#include "kanshiki/error.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <unistd.h>

namespace kanshiki {
namespace {
constexpr size_t enough = 256 * 1024;
}

OutputStream::OutputStream(int descriptor, std::string name) : descriptor_(descriptor), name_(std::move(name)) {
    std::signal(SIGPIPE, SIG_IGN); // a reader that has gone is an error of the destination, not a crash of ours
    buffer_.reserve(enough + 4096);
}

void OutputStream::write(std::string_view text) {
    buffer_ += text;
    if (buffer_.size() >= enough) flush();
}

void OutputStream::flush() {
    std::string_view left = buffer_;
    while (!left.empty()) {
        const ssize_t wrote = ::write(descriptor_, left.data(), left.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) throw Error(ExitCode::destination, name_ + ": cannot be written: " + std::strerror(errno));
        left.remove_prefix(static_cast<size_t>(wrote));
    }
    buffer_.clear();
}

} // namespace kanshiki
