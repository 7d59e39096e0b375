#pragma once
// The log ("Journaling Log"): a ring of records, each some operations of transactions. Positions are in blocks of 512
// bytes from its start; the first 4 bytes of every block are the number of the round ("cycle") in which it was written.

#include "analyze/filesystem/xfs/metadata.h"

#include <functional>

namespace kanshiki::xfs {

struct LogRecord {
    uint64_t block = 0; // where it begins
    uint64_t lsn = 0, tail_lsn = 0;
    uint64_t blocks = 0; // with its headers
    uint32_t operations = 0;
    uint32_t format = 0;         // 1: little-endian
    std::vector<std::byte> data; // with the bytes that the cycle numbers had taken put back; empty where only the
                                 // header was read
};

enum class LogState : uint8_t {
    clean,    // ends with the record of an unmount, or was never used
    dirty,    // holds changes that may not have reached their places
    external, // on another device
    damaged,  // makes no sense
};

class Log {
public:
    Log(VolumeReader& reader, const Superblock& super);
    // Finds both ends. `why` says what is wrong with a damaged log.
    LogState find_ends(std::string& why);
    // Every record from the tail to the head. Stops before the first that is torn, and says so in `torn`.
    void records(const std::function<void(const LogRecord&)>& record, std::string& torn);

private:
    uint32_t cycle(uint64_t block);
    void read(uint64_t block, std::span<std::byte> into); // around the end of the ring
    std::optional<LogRecord> header(uint64_t block);
    uint64_t raw_head(bool& never_used);
    void leap(uint32_t first, uint64_t& low, uint64_t& high);
    bool read_data(LogRecord& record); // false: its checksum is wrong
    bool unmount(const LogRecord& record);
    bool unmounted_at(uint64_t end);

    VolumeReader& reader_;
    const Superblock& super_;
    uint64_t start_ = 0, blocks_ = 0; // byte offset in the volume; size
    uint64_t head_ = 0, tail_ = 0;
    unsigned headers_ = 1; // of the record read last
};

} // namespace kanshiki::xfs
