#include "acquire/source/ssh/dd_source.h"

#include "kanshiki/error.h"

#include <algorithm>
#include <cstring>

namespace kanshiki::ssh {

namespace {

// Reading on over a small gap is cheaper than a new command.
constexpr uint64_t small_gap = 4 * 1024 * 1024;
// dd's block: where it fails, at most this much was not given.
constexpr uint64_t largest_sector = 4096;
constexpr uint64_t first_look = 1024 * 1024, largest_look = 16 * 1024 * 1024;

[[noreturn]] void lost(const std::string& message) { throw Error{ExitCode::source_lost, message}; }

} // namespace

DdSource::DdSource(std::unique_ptr<Session> session, Far far, SourceInfo info)
    : session_(std::move(session)), far_(std::move(far)), info_(std::move(info)), examiner_(*session_, far_),
      closer_(first_look) {}

void DdSource::read(Read& read, std::stop_token stop) {
    read.got = 0;
    read.kind = Kind::data;
    read.bad.clear();
    const uint64_t size = end_ ? std::min(*end_, *info_.size) : *info_.size;
    if (read.offset >= size) return;
    const size_t want = static_cast<size_t>(std::min<uint64_t>(read.into.size(), size - read.offset));
    try {
        while (read.got < want) {
            const uint64_t offset = read.offset + read.got;
            const std::span<std::byte> rest = read.into.subspan(read.got, want - read.got);
            if (offset >= examined_.range.offset && offset < examined_.range.end()) {
                const Range part{offset, std::min<uint64_t>(rest.size(), examined_.range.end() - offset)};
                memcpy(rest.data(), examined_.bytes.data() + (offset - examined_.range.offset), part.size);
                for (const Bad& bad : examined_.bad) {
                    const uint64_t from = std::max(bad.range.offset, part.offset),
                                   to = std::min(bad.range.end(), part.end());
                    if (from < to) read.bad.push_back({{from, to - from}, bad.error});
                }
                read.got += part.size;
                continue;
            }
            if (end_ && offset >= *end_) return;
            if (offset == examined_.range.end() && examined_.all_bad()) { // a stream would fail at once
                look_closer(offset, stop);
                continue;
            }
            seek(offset, stop);
            read.got += pull(rest, stop);
        }
    } catch (...) {
        drop_stream(); // a stream that failed has no next byte
        throw;
    }
}

void DdSource::seek(uint64_t offset, std::stop_token stop) {
    if (stream_ && offset > position_ && offset - position_ <= small_gap) {
        skipped_.resize(256 * 1024);
        while (stream_ && position_ < offset)
            if (pull(std::span(skipped_).first(std::min<uint64_t>(skipped_.size(), offset - position_)), stop) == 0)
                break;
    }
    if (stream_ && position_ == offset) return;
    drop_stream();
    position_ = offset;
    stream_ = std::make_unique<Stream>(*session_, far_, Range{offset, *info_.size - offset});
}

void DdSource::drop_stream() {
    stream_.reset();
    decoder_.reset();
    item_ = {};
    used_ = 0;
}

size_t DdSource::pull(std::span<std::byte> out, std::stop_token stop) {
    for (;;) {
        if (!item_.end && used_ == item_.size && !decoder_) { // between segments
            item_ = stream_->next(stop);
            used_ = 0;
            decoder_ = make_decoder(far_.compressor);
            start_ = item_.start;
            count_ = item_.count;
            produced_ = 0;
        }
        size_t got = 0;
        const bool progress = decode(out, got);
        if (got > 0) {
            position_ += got;
            return got;
        }
        if (progress || used_ < item_.size) continue;
        if (item_.end) {
            const Stream::Item end = std::exchange(item_, {});
            used_ = 0;
            end_segment(end, stop);
            decoder_.reset();
            if (!stream_) return 0;
            continue;
        }
        stream_->give_back(std::exchange(item_, {}));
        item_ = stream_->next(stop);
        used_ = 0;
    }
}

// One step of the decoder, `got` bytes of it into `out`; bytes before position_ (a dd that counts in blocks begins
// early) are thrown away. False: it needs more input.
bool DdSource::decode(std::span<std::byte> out, size_t& got) {
    const std::span<const std::byte> in{item_.bytes.get() + used_, item_.size - used_};
    const uint64_t room = count_ - produced_;
    std::byte beyond;
    std::span<std::byte> target = out.first(std::min<uint64_t>(out.size(), room));
    const bool early = reached() < position_;
    if (early) {
        skipped_.resize(256 * 1024);
        target = std::span(skipped_).first(
            std::min<uint64_t>(std::min<uint64_t>(skipped_.size(), room), position_ - reached()));
    }
    if (room == 0) target = {&beyond, 1}; // only to see that nothing more comes
    const Decoder::Step step = decoder_->decode(in, target);
    if (room == 0 && step.produced > 0)
        lost(session_->name() + ": the far side sent more than the " + std::to_string(count_) +
             " bytes it was asked for");
    if (!in.empty() && step.consumed == 0 && step.produced == 0)
        lost(session_->name() + ": the far side's stream makes no sense to its decoder");
    used_ += step.consumed;
    produced_ += step.produced;
    got = early ? 0 : step.produced;
    return step.consumed > 0 || step.produced > 0;
}

void DdSource::end_segment(const Stream::Item& end, std::stop_token stop) {
    const std::string where = session_->name() + ": at offset " + std::to_string(reached()) + " of " + far_.path + ": ";
    const std::string said = end.dd.message.empty() ? "" : ": " + end.dd.message;
    if (!end.dd.status) lost(where + "dd did not get to its end (" + end.exit.text() + ")" + said);
    if (!end.exit.ok() || !decoder_->ended())
        lost(where + "the far " + std::string(compressor_name(far_.compressor)) + " failed (" + end.exit.text() + ")" +
             said);
    if (end.dd.status == 0) {
        if (produced_ == count_ || reached() >= *info_.size) return;
        // dd met the end before the size that the device had: it became shorter.
        end_ = std::max(reached(), position_);
        session_->events().report({"notice", where + "the source ends here, though it said it had " +
                                                 std::to_string(*info_.size) + " bytes"});
        drop_stream();
        return;
    }
    if (!end.dd.read_error) lost(where + "dd failed (exit status " + std::to_string(*end.dd.status) + ")" + said);
    session_->events().report({"retry", where + "dd met an unreadable place; looking at it in sectors" + said});
    const uint64_t offset = position_;
    drop_stream();
    look_closer(std::max(offset, reached()), stop);
}

// Looks at the range after the last good byte. While all of it is unreadable the look becomes wider, so that a large
// dead region takes few commands.
void DdSource::look_closer(uint64_t offset, std::stop_token stop) {
    const uint64_t start = offset / largest_sector * largest_sector;
    const uint64_t size = std::min(closer_, *info_.size - start);
    examined_ = examiner_.examine({start, size}, stop);
    closer_ = examined_.all_bad() ? std::min(2 * closer_, largest_look) : first_look;
    uint64_t bytes = 0;
    for (const Bad& bad : examined_.bad) bytes += bad.range.size;
    session_->events().report(
        {"detail",
         "looked at in sectors",
         {{"offset", std::to_string(start)}, {"size", std::to_string(size)}, {"unreadable", std::to_string(bytes)}}});
    position_ = examined_.range.end();
}

} // namespace kanshiki::ssh
