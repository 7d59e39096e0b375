#pragma once
// The dd commands we run, and what dd says when it fails.

#include "acquire/source/ssh/probe.h"
#include "kanshiki/range.h"

#include <deque>
#include <string>

namespace kanshiki::ssh {

enum class Compressor { none, zstd, lz4, gzip };
std::string_view compressor_name(Compressor compressor);

// What our commands need to know of the far side.
struct Far {
    std::string path;
    uint32_t sector = 512; // logical
    bool sudo = false;
    int nice = 0;
    bool gnu = false;   // dd is GNU: its noerror,sync and its messages are known
    bool bytes = false; // skip and count may be bytes
    Compressor compressor = Compressor::none;
    bool zstd_fast = false; // its zstd knows --fast
    unsigned cores = 1;
};

// Where a stream starts is rounded down to what dd can address: its output begins at `start`, not later than asked.
struct StreamCommand {
    std::string line;
    uint64_t start = 0;
    uint64_t count = 0; // bytes dd will give at most, from start
};

// A bounded bulk read. The range starts on a sector; dd runs WITHOUT noerror: what comes before an error is good.
// quick: spend less on compression, since the wire is fast.
StreamCommand stream_command(const Far& far, Range range, bool quick);

// dd's exit status, which the far sh tells on standard error, since the pipeline's own is the compressor's.
struct DdStatus {
    std::optional<int> status;
    std::string message;     // the rest of standard error in one line, bounded
    bool read_error = false; // it says that reading failed, in a way that may be the medium's
};
DdStatus dd_status(const std::deque<std::string>& errors);

// Reading a run of pieces of `far.sector` bytes, in one command: each run is read by one GNU dd with noerror,sync; or,
// without GNU dd, each piece (of `piece` bytes) by a dd of its own.
std::string noerror_command(const Far& far, const std::vector<Range>& runs, bool direct);
std::string pieces_command(const Far& far, const std::vector<Range>& runs, uint32_t piece, bool direct);

// Reads the first sector with O_DIRECT, to see whether that is possible.
std::string direct_check_command(const Far& far, uint32_t sector);

// What they told on standard error: for each run, the indexes of its unreadable pieces.
struct Runs {
    bool understood = false; // false: something disagrees, so nothing here may be relied on
    std::vector<std::vector<uint64_t>> bad;
    std::string why;
};
Runs parse_noerror(const std::deque<std::string>& errors, const std::vector<Range>& runs, uint32_t sector);
Runs parse_pieces(const std::deque<std::string>& errors, const std::vector<Range>& runs, uint32_t piece);

} // namespace kanshiki::ssh
