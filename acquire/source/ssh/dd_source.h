#pragma once
// The dd transport: a running stream of bounded dd commands, and a closer look where one fails.

#include "acquire/source/ssh/bad_sectors.h"
#include "acquire/source/ssh/decompress.h"
#include "acquire/source/ssh/stream.h"
#include "kanshiki/block_source.h"

namespace kanshiki::ssh {

class DdSource : public BlockSource {
public:
    DdSource(std::unique_ptr<Session> session, Far far, SourceInfo info);
    const SourceInfo& info() const override { return info_; }
    void read(Read& read, std::stop_token stop) override;

private:
    size_t pull(std::span<std::byte> out, std::stop_token stop); // at position_; 0: look at end_ and examined_
    void seek(uint64_t offset, std::stop_token stop);
    bool decode(std::span<std::byte> out, size_t& got);
    void end_segment(const Stream::Item& end, std::stop_token stop);
    void look_closer(uint64_t offset, std::stop_token stop);
    void drop_stream();
    uint64_t reached() const { return start_ + produced_; } // by the decoder

    std::unique_ptr<Session> session_;
    const Far far_;
    SourceInfo info_;
    Examiner examiner_;

    uint64_t position_ = 0;       // the offset that the next byte pulled has
    std::optional<uint64_t> end_; // where the source turned out to end
    Examined examined_;           // the last range that was looked at in sectors
    uint64_t closer_ = 0;         // how much to look at next time

    std::unique_ptr<Decoder> decoder_; // of the segment under way; null between segments
    uint64_t start_ = 0, count_ = 0, produced_ = 0;
    Stream::Item item_;
    size_t used_ = 0; // of item_
    std::vector<std::byte> skipped_;
    std::unique_ptr<Stream> stream_; // last: its thread uses the session
};

} // namespace kanshiki::ssh
