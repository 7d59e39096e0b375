#pragma once
// The two ends of a proof about a file: whoever makes it notes which chunks a file-system reader asks for, whoever
// checks it gives the reader those chunks and nothing else. So no knowledge of the format is needed for either.

#include "kanshiki/block_source.h"
#include "kanshiki/proof.h"

#include <filesystem>
#include <functional>
#include <set>

namespace kanshiki {

// Passes reads on and notes the chunks they touch. One thread.
class RecordingSource final : public BlockSource {
public:
    explicit RecordingSource(BlockSource& below) : below_(below) {}
    const SourceInfo& info() const override { return below_.info(); }
    void read(Read& read, std::stop_token stop) override;
    const std::set<uint64_t>& touched() const { return touched_; }

private:
    BlockSource& below_;
    std::set<uint64_t> touched_;
};

// The image, as far as a proof has it. A read beyond that throws Error{never_valid}. proof and data must outlive it.
class ProvenSource final : public BlockSource {
public:
    // data: fills the bytes from that offset of the data file.
    using Data = std::function<void(uint64_t offset, std::span<std::byte> into)>;
    ProvenSource(const Proof& proof, Data data);
    const SourceInfo& info() const override { return info_; }
    void read(Read& read, std::stop_token stop) override;

private:
    const Proof& proof_;
    const Data data_;
    SourceInfo info_;
};

} // namespace kanshiki
