#pragma once
// Where exactly a range is unreadable, found out through dd.

#include "acquire/source/ssh/command.h"
#include "acquire/source/ssh/dd_command.h"
#include "kanshiki/block_source.h"

namespace kanshiki::ssh {

// The content of a range that was read in pieces of one sector.
struct Examined {
    Range range;
    std::vector<std::byte> bytes; // zeros where unreadable
    std::vector<Bad> bad;         // ascending, merged
    bool all_bad() const { return bad.size() == 1 && bad.front().range == range; }
};

class Examiner {
public:
    Examiner(Session& session, const Far& far) : session_(session), far_(far) {}

    // range: begins on 4096 bytes, and ends on a sector or at the end of the source; at most 16 MiB. Each bad sector is
    // tried once more.
    Examined examine(Range range, std::stop_token stop);

private:
    struct Pass {
        std::vector<std::byte> bytes; // of all runs, one after the other
        std::vector<Range> bad;       // absolute, of one piece each
    };
    Pass read_runs(const std::vector<Range>& runs, std::stop_token stop);
    std::optional<Pass> by_noerror(const std::vector<Range>& runs, std::stop_token stop);
    Pass by_pieces(const std::vector<Range>& runs, uint32_t piece, std::stop_token stop);
    std::vector<std::byte> output(Command& command, uint64_t most, std::stop_token stop);
    void choose_direct(std::stop_token stop);
    bool direct_works(uint32_t sector, std::stop_token stop);

    Session& session_;
    Far far_;
    bool chosen_ = false;
    bool direct_ = true;  // O_DIRECT: buffered reads lose a page and more to one sector
    bool noerror_ = true; // GNU dd's report agreed with what it sent, so far
};

} // namespace kanshiki::ssh
