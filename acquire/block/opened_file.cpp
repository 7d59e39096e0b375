#include "acquire/block/opened_file.h"

#include "acquire/block/aligned_buffer.h"
#include "acquire/block/bisect.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

namespace kanshiki {

void OpenedFile::read(Read& read, std::stop_token stop) const {
    read.kind = Kind::data;
    read.bad.clear();
    const size_t cached = from_cache ? read_cached(read.offset, read.into) : 0;
    const ssize_t n =
        cached == read.into.size() ? 0 : read_past_the_cache(read.offset + cached, read.into.subspan(cached));
    if (n >= 0)
        read.got = cached + static_cast<size_t>(n);
    else
        read_around_the_bad(read, stop);
}

// As much as comes without waiting for the store. Not every file system can tell (FUSE cannot): then nothing.
size_t OpenedFile::read_cached(uint64_t offset, std::span<std::byte> into) const {
    size_t got = 0;
    while (got < into.size()) {
        iovec piece{into.data() + got, into.size() - got};
        const ssize_t n = ::preadv2(plain.get(), &piece, 1, static_cast<off_t>(offset + got), RWF_NOWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        got += static_cast<size_t>(n);
    }
    return got;
}

ssize_t OpenedFile::read_past_the_cache(uint64_t offset, std::span<std::byte> into) const {
    if (direct) {
        const ssize_t n = read_at(direct.get(), offset, into);
        if (n >= 0 || errno != EINVAL) return n; // EINVAL: not aligned as O_DIRECT wants it
    }
    return read_at(plain.get(), offset, into);
}

void OpenedFile::read_around_the_bad(Read& read, std::stop_token stop) const {
    using Clock = std::chrono::steady_clock;
    read.got = std::min<uint64_t>(read.into.size(), size - std::min(size, read.offset));
    // Only O_DIRECT sees single sectors; buffered reads lose whole pages or read-ahead windows.
    const uint64_t sector = direct ? logical_sector : std::max<uint64_t>(logical_sector, AlignedBuffer::alignment);
    const uint64_t start = read.offset / sector * sector;
    const uint64_t end = std::min(size, (read.offset + read.got + sector - 1) / sector * sector);
    AlignedBuffer whole(end - start);
    const Clock::time_point now = Clock::now();
    const Clock::time_point until =
        patience < Clock::time_point::max() - now ? now + patience : Clock::time_point::max();
    const std::vector<Bad> bad = read_bisecting(
        start, whole.span(), {sector, retries, until},
        [this](uint64_t at, std::span<std::byte> into) { return read_piece(at, into); }, stop);
    std::copy_n(whole.data() + (read.offset - start), read.got, read.into.data());
    for (const Bad& one : bad) {
        const uint64_t from = std::max(one.range.offset, read.offset),
                       to = std::min(one.range.end(), read.offset + read.got);
        if (from < to) read.bad.push_back({{from, to - from}, one.error});
    }
}

// 0 or an errno.
int OpenedFile::read_piece(uint64_t offset, std::span<std::byte> into) const {
    const ssize_t n = read_past_the_cache(offset, into);
    if (n == static_cast<ssize_t>(into.size())) return 0;
    const int error = n < 0 ? errno : EIO;
    must_be_there(error);
    return error;
}

// A device that went away answers every read with an error: that is a lost source, not unreadable sectors.
void OpenedFile::must_be_there(int error) const {
    uint64_t now = size;
    const bool answers = !device || ::ioctl(plain.get(), BLKGETSIZE64, &now) == 0;
    if (error == ENODEV || error == ENXIO || error == ENOTCONN || error == ESTALE || !answers || now != size)
        throw Error(ExitCode::source_lost, name + ": the source went away: " + std::strerror(error));
}

std::vector<Extent> OpenedFile::extents(Range within, size_t most) const {
    std::vector<Extent> out;
    if (device) return {{within, Kind::data}};
    for (uint64_t at = within.offset; at < within.end() && out.size() + 2 <= most;) {
        const off_t found = ::lseek(plain.get(), static_cast<off_t>(at), SEEK_DATA);
        if (found < 0 && errno != ENXIO) return {{within, Kind::data}}; // a file system that cannot tell
        if (found >= 0 && static_cast<uint64_t>(found) < at) return {{within, Kind::data}}; // nor one that goes back
        const uint64_t data = found < 0 ? within.end() : std::min(static_cast<uint64_t>(found), within.end());
        if (data > at) out.push_back({{at, data - at}, Kind::zero});
        if (data == within.end()) break;
        const off_t hole = ::lseek(plain.get(), static_cast<off_t>(data), SEEK_HOLE);
        if (hole >= 0 && static_cast<uint64_t>(hole) <= data) return {{within, Kind::data}};
        const uint64_t end = hole < 0 ? within.end() : std::min(static_cast<uint64_t>(hole), within.end());
        out.push_back({{data, end - data}, Kind::data});
        at = end;
    }
    return out;
}

} // namespace kanshiki
