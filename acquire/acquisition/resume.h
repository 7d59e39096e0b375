#pragma once
// Going on after a kill, a drop or a full disk. There is no state file: the chunk list says how far the image is
// durable, the log what the source was and what of it was unreadable.

#include "acquire/acquisition/acquisition.h"
#include "acquire/acquisition/output.h"

namespace kanshiki {

// What must be equal for two sources to be the same.
struct SourceMark {
    std::string kind;
    std::optional<uint64_t> size;
    uint32_t logical_sector = 512;
    std::string model, serial, partition_table; // empty where the source does not say
    static SourceMark of(const SourceInfo& info, const std::optional<Digest>& partition_table);
};

// The fields of the log's first entry that resume relies on.
LogFields describe_start(const AcquireOptions& options, const SourceMark& mark, const Output& output);

struct Kept {
    uint64_t upto = 0;                // resume here: a multiple of the chunk size, or the image's size
    std::vector<Bad> bad;             // unreadable ranges before it
    std::string started;              // when the acquisition began
    std::vector<uint64_t> resumed_at; // where earlier runs went on
};

// Reads log and chunk list of one unfinished output. Error{refused} when source or options are not those it was begun
// with, Error{altered} when the log's chain is broken, Error{usage} when there is too little left to go on with.
Kept read_kept(const Output& output, const AcquireOptions& options, const SourceMark& mark);

// Compares every kept chunk with its leaf while the pipeline rebuilds its digests. Error{altered} at the first that
// differs.
void replay_kept(const Output& output, uint64_t upto, Pipeline& pipeline, std::stop_token stop);

// The last chunks kept must equal the source's. Error{refused}.
void compare_last_kept(BlockSource& source, const Output& output, const Kept& kept, std::stop_token stop);

} // namespace kanshiki
