#include "acquire/source/stream_source.h"

#include "kanshiki/error.h"

#include <cerrno>
#include <cstring>
#include <poll.h>
#include <unistd.h>

namespace kanshiki {
namespace {

class StreamSource final : public BlockSource {
public:
    StreamSource(int fd, const std::string& name) : fd_(fd) {
        info_.uri = name;
        info_.kind = "stdin";
        info_.access = Access::ascending;
    }
    const SourceInfo& info() const override { return info_; }

    void read(Read& read, std::stop_token stop) override {
        if (read.offset != position_)
            throw Error(ExitCode::refused,
                        info_.uri + ": a stream cannot be read again from byte " + std::to_string(read.offset));
        read.kind = Kind::data;
        read.bad.clear();
        read.got = 0;
        while (read.got < read.into.size()) {
            wait(stop);
            const ssize_t n = ::read(fd_, read.into.data() + read.got, read.into.size() - read.got);
            if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
            if (n < 0)
                throw Error(ExitCode::source_lost, info_.uri + ": read failed at byte " + std::to_string(position_) +
                                                       ": " + std::strerror(errno));
            if (n == 0) break;
            read.got += static_cast<size_t>(n);
            position_ += static_cast<uint64_t>(n);
        }
    }

private:
    void wait(std::stop_token stop) const {
        pollfd ready{fd_, POLLIN, 0};
        while (::poll(&ready, 1, 100) == 0)
            if (stop.stop_requested()) throw Error(ExitCode::interrupted, "interrupted");
    }

    const int fd_;
    SourceInfo info_;
    uint64_t position_ = 0;
};

} // namespace

std::unique_ptr<BlockSource> open_stream(int fd, const std::string& name) {
    return std::make_unique<StreamSource>(fd, name);
}

} // namespace kanshiki
