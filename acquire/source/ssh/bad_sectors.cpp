#include "acquire/source/ssh/bad_sectors.h"

#include "kanshiki/error.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace kanshiki::ssh {

namespace {

// Without GNU dd every piece costs a dd of its own: first larger ones, then the sectors of those that fail.
constexpr uint32_t coarse_piece = 64 * 1024;

// The report on 16 MiB of unreadable sectors, two lines each.
constexpr size_t longest_report = 16 * 1024 * 1024;

bool of_interest(std::string_view line) {
    return line.find(" records out") == line.npos && line.find(" copied") == line.npos;
}

uint64_t total(const std::vector<Range>& runs) {
    uint64_t out = 0;
    for (const Range& run : runs) out += run.size;
    return out;
}

std::vector<Range> merged(const std::vector<Range>& pieces) {
    std::vector<Range> out;
    for (const Range& piece : pieces) {
        if (!out.empty() && out.back().end() == piece.offset)
            out.back().size += piece.size;
        else
            out.push_back(piece);
    }
    return out;
}

// The n-th piece of a run; the last may be short, at the end of a source.
Range piece_of(const Range& run, uint64_t index, uint32_t piece) {
    const uint64_t offset = run.offset + index * piece;
    return {offset, std::min<uint64_t>(piece, run.end() - offset)};
}

} // namespace

Examined Examiner::examine(Range range, std::stop_token stop) {
    choose_direct(stop);
    const std::vector<Range> whole{range};
    Pass first = read_runs(whole, stop);
    Examined out{range, std::move(first.bytes), {}};
    if (first.bad.empty()) return out;

    const std::vector<Range> runs = merged(first.bad);
    session_.events().report(
        {"retry",
         "trying unreadable sectors once more",
         {{"offset", std::to_string(runs.front().offset)}, {"bytes", std::to_string(total(runs))}}});
    const Pass second = read_runs(runs, stop);
    size_t at = 0;
    for (const Range& run : runs) {
        memcpy(out.bytes.data() + (run.offset - range.offset), second.bytes.data() + at, run.size);
        at += run.size;
    }
    for (const Range& bad : merged(second.bad)) out.bad.push_back({bad, EIO});
    return out;
}

Examiner::Pass Examiner::read_runs(const std::vector<Range>& runs, std::stop_token stop) {
    if (far_.gnu && noerror_) {
        if (std::optional<Pass> pass = by_noerror(runs, stop)) return std::move(*pass);
    }
    const bool coarse = runs.size() == 1 && runs.front().size > coarse_piece && runs.front().offset % coarse_piece == 0;
    if (!coarse) return by_pieces(runs, far_.sector, stop);

    Pass pass = by_pieces(runs, coarse_piece, stop);
    const std::vector<Range> failed = merged(std::exchange(pass.bad, {}));
    if (failed.empty()) return pass;
    Pass fine = by_pieces(failed, far_.sector, stop);
    size_t at = 0;
    for (const Range& run : failed) {
        memcpy(pass.bytes.data() + (run.offset - runs.front().offset), fine.bytes.data() + at, run.size);
        at += run.size;
    }
    pass.bad = std::move(fine.bad);
    return pass;
}

// One dd for each run, with noerror,sync at sector size: its messages say which blocks failed, and the amount it sent
// must agree. Nothing: they cannot be relied on, so another way is taken.
std::optional<Examiner::Pass> Examiner::by_noerror(const std::vector<Range>& runs, std::stop_token stop) {
    Pass pass;
    const std::string line = noerror_command(far_, runs, direct_);
    Command command(session_, line, "dd in sectors", stop);
    command.keep_errors(longest_report, of_interest);
    // sync pads the last piece to a whole sector.
    uint64_t sent = 0;
    for (const Range& run : runs) sent += (run.size + far_.sector - 1) / far_.sector * far_.sector;
    const std::vector<std::byte> raw = output(command, sent, stop);
    const Exit exit = command.finish(stop);
    const Runs told = parse_noerror(command.take_errors(), runs, far_.sector);
    if (!told.understood || !command.errors_complete() || raw.size() != sent || !exit.ok()) {
        noerror_ = false;
        session_.events().report({"detail", "dd's own report of errors is not relied on: " +
                                                (told.understood ? "it sent " + std::to_string(raw.size()) +
                                                                       " bytes, not " + std::to_string(sent)
                                                                 : told.why)});
        return std::nullopt;
    }
    size_t at = 0;
    for (size_t i = 0; i < runs.size(); ++i) {
        const Range& run = runs[i];
        const size_t begin = pass.bytes.size();
        pass.bytes.insert(pass.bytes.end(), raw.begin() + static_cast<ptrdiff_t>(at),
                          raw.begin() + static_cast<ptrdiff_t>(at + run.size));
        at += (run.size + far_.sector - 1) / far_.sector * far_.sector;
        for (const uint64_t index : told.bad[i]) {
            const Range bad = piece_of(run, index, far_.sector);
            std::byte* place = pass.bytes.data() + begin + (bad.offset - run.offset);
            // sync puts zeros there; anything else means that the index is not what we think.
            if (std::any_of(place, place + bad.size, [](std::byte b) { return b != std::byte{0}; })) {
                noerror_ = false;
                session_.events().report(
                    {"detail", "dd's own report of errors is not relied on: data where it says there is none"});
                return std::nullopt;
            }
            pass.bad.push_back(bad);
        }
    }
    return pass;
}

// One dd for each piece: it gives the whole piece, or nothing and its index on standard error.
Examiner::Pass Examiner::by_pieces(const std::vector<Range>& runs, uint32_t piece, std::stop_token stop) {
    Pass pass;
    const std::string line = pieces_command(far_, runs, piece, direct_);
    Command command(session_, line, "dd piece by piece", stop);
    command.keep_errors(longest_report, of_interest);
    const std::vector<std::byte> raw = output(command, total(runs), stop);
    const Exit exit = command.finish(stop);
    const Runs told = parse_pieces(command.take_errors(), runs, piece);
    if (!told.understood || !command.errors_complete() || !exit.ok())
        throw Error{ExitCode::source_lost, session_.name() +
                                               ": the far side broke off while unreadable sectors were looked for (" +
                                               exit.text() + (told.why.empty() ? "" : ", " + told.why) + ")"};
    uint64_t at = 0;
    for (size_t i = 0; i < runs.size(); ++i) {
        const Range& run = runs[i];
        size_t next_bad = 0;
        for (uint64_t index = 0; index * piece < run.size; ++index) {
            const Range part = piece_of(run, index, piece);
            if (next_bad < told.bad[i].size() && told.bad[i][next_bad] == index) {
                ++next_bad;
                pass.bad.push_back(part);
                pass.bytes.resize(pass.bytes.size() + part.size);
                continue;
            }
            if (part.size > raw.size() - at)
                throw Error{ExitCode::source_lost,
                            session_.name() + ": the source became shorter while unreadable sectors were looked for"};
            pass.bytes.insert(pass.bytes.end(), raw.begin() + static_cast<ptrdiff_t>(at),
                              raw.begin() + static_cast<ptrdiff_t>(at + part.size));
            at += part.size;
        }
    }
    if (at != raw.size())
        throw Error{ExitCode::source_lost,
                    session_.name() +
                        ": the far side sent other data than it told while unreadable sectors were looked for"};
    return pass;
}

std::vector<std::byte> Examiner::output(Command& command, uint64_t most, std::stop_token stop) {
    std::vector<std::byte> out(most + 1);
    size_t size = 0;
    while (size < out.size()) {
        const size_t got = command.read(std::span(out).subspan(size), stop);
        if (got == 0) break;
        size += got;
    }
    if (size > most) throw Error{ExitCode::source_lost, session_.name() + ": dd sent more than it was asked for"};
    out.resize(size);
    return out;
}

// The first sector tells: it is read, or it is unreadable, but it is not refused for being asked for directly.
bool Examiner::direct_works(uint32_t sector, std::stop_token stop) {
    Command command(session_, direct_check_command(far_, sector), "dd to see whether direct reads work", stop);
    output(command, sector, stop);
    const Exit exit = command.finish(stop);
    const DdStatus dd = dd_status(command.take_errors());
    return exit.ok() &&
           (dd.status == 0 || (dd.status && dd.read_error && dd.message.find("Invalid argument") == std::string::npos));
}

void Examiner::choose_direct(std::stop_token stop) {
    if (std::exchange(chosen_, true)) return;
    if (direct_works(far_.sector, stop)) return;
    constexpr uint32_t larger = 4096; // a file on a disk with such sectors
    if (far_.sector < larger && direct_works(larger, stop)) {
        far_.sector = larger;
        return;
    }
    direct_ = false;
    session_.events().report(
        {"notice", far_.path + ": direct reads are not possible on the far side; around an unreadable sector up to a "
                               "page may be lost"});
}

} // namespace kanshiki::ssh
