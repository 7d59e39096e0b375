#pragma once
// An analyzer is one file in analyze/artifact/<theme>/ and one line in analyze/artifact/analyzers.cpp.

#include "kanshiki/finding.h"
#include "kanshiki/records.h"

#include <span>

namespace kanshiki {

// One file as the walk met it. Valid only during the call; read() works on the calling worker's own file system handle.
class FileView {
public:
    virtual ~FileView() = default;
    virtual unsigned volume() const = 0;
    virtual const std::string& path() const = 0; // absolute on its volume, "/etc/passwd"; bytes as stored
    virtual const FileInfo& info() const = 0;
    virtual bool deleted() const = 0;
    virtual size_t read(uint64_t offset, std::span<std::byte> into) const = 0; // throws Error on damage
    // The whole content, up to limit bytes; when the file is longer the rest goes to the coverage ledger as not read.
    virtual std::string content(uint64_t limit) const = 0;
    // Tells the coverage ledger that something in this file could not be understood: where and why.
    virtual void not_covered(const std::string& where, const std::string& why) const = 0;
};

// A dated fact for the timeline; add it to the records.
struct TimelineEvent {
    Timestamp time;
    std::string description; // Timesketch's timestamp_desc: "Login", "Login failed" …
    std::string message;
    Evidence where;
};

struct VolumeSummary {
    unsigned number = 0;
    Range range;
    FileSystemInfo file_system;
    uint64_t files = 0, directories = 0, deleted = 0;
};

// Everything read, for the joins.
struct CaseView {
    const Records& records;
    std::span<const VolumeSummary> volumes;
};

class Analyzer {
public:
    virtual ~Analyzer() = default;
    virtual std::string_view name() const = 0;
    virtual bool wants(const std::string& path, const FileInfo& info) const = 0;     // cheap; must not read
    virtual void read(const FileView& file, Records& records) const = 0;             // per file, in parallel
    virtual void conclude(const CaseView& everything, Findings& findings) const = 0; // once
};

std::span<const Analyzer* const> analyzers(); // the table

} // namespace kanshiki
