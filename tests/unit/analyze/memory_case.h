#pragma once
// A case in memory: a table of path and bytes, over which analyzers run as the walk runs them.

#include "kanshiki/analyzer.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <tuple>

namespace kanshiki::test {

struct MemoryEntry {
    std::string path;
    std::string bytes;
    FileInfo info;
    bool deleted = false;
    unsigned volume = 0;
};

struct Uncovered {
    std::string path, where, why;
};

class MemoryFile final : public FileView {
public:
    MemoryFile(const MemoryEntry& entry, std::vector<Uncovered>& uncovered) : entry_(entry), uncovered_(uncovered) {}
    unsigned volume() const override { return entry_.volume; }
    const std::string& path() const override { return entry_.path; }
    const FileInfo& info() const override { return entry_.info; }
    bool deleted() const override { return entry_.deleted; }
    size_t read(uint64_t offset, std::span<std::byte> into) const override {
        if (offset >= entry_.bytes.size()) return 0;
        const size_t size = std::min<uint64_t>(into.size(), entry_.bytes.size() - offset);
        std::memcpy(into.data(), entry_.bytes.data() + offset, size);
        return size;
    }
    std::string content(uint64_t limit) const override {
        if (entry_.bytes.size() > limit) not_covered("byte " + std::to_string(limit), "longer than the limit");
        return entry_.bytes.substr(0, limit);
    }
    void not_covered(const std::string& where, const std::string& why) const override {
        uncovered_.push_back({entry_.path, where, why});
    }

private:
    const MemoryEntry& entry_;
    std::vector<Uncovered>& uncovered_;
};

class MemoryCase {
public:
    // 2026-11-23 06:00:00 UTC, the time of files that are given no other.
    static constexpr int64_t now = 1795413600;

    MemoryEntry& add(std::string path, std::string bytes, uint32_t mode = 0644) {
        MemoryEntry entry;
        entry.info.inode = 100 + entries_.size();
        entry.info.type = FileType::regular;
        entry.info.mode = mode;
        entry.info.size = bytes.size();
        entry.info.modified = entry.info.changed = Timestamp{now, 0};
        entry.path = std::move(path);
        entry.bytes = std::move(bytes);
        entries_.push_back(std::move(entry));
        return entries_.back();
    }
    MemoryEntry& add_symlink(std::string path, std::string target) {
        MemoryEntry& entry = add(std::move(path), target, 0777);
        entry.info.type = FileType::symlink;
        entry.info.symlink_target = std::move(target);
        return entry;
    }

    void run(std::initializer_list<const Analyzer*> analyzers) { run_all({analyzers.begin(), analyzers.size()}); }
    void run_all(std::span<const Analyzer* const> analyzers) {
        std::sort(entries_.begin(), entries_.end(), [](const MemoryEntry& a, const MemoryEntry& b) {
            return std::tie(a.volume, a.path) < std::tie(b.volume, b.path);
        });
        for (const MemoryEntry& entry : entries_)
            for (const Analyzer* analyzer : analyzers) {
                if (!analyzer->wants(entry.path, entry.info)) continue;
                const MemoryFile file(entry, uncovered);
                Records found;
                analyzer->read(file, found);
                records.merge(std::move(found));
            }
        const CaseView view{records, {}};
        for (const Analyzer* analyzer : analyzers) analyzer->conclude(view, findings);
    }

    // "rule severity path:line@offset path:line@offset", one a finding, sorted: what most tests assert.
    std::vector<std::string> summary(Severity at_least = Severity::info) const {
        std::vector<std::string> lines;
        for (const Finding& finding : findings) {
            if (finding.severity < at_least) continue;
            std::string line = finding.rule + " " + std::string(severity_name(finding.severity));
            for (const Evidence& evidence : finding.evidence) {
                line += " " + evidence.path;
                if (evidence.line) line += ":" + std::to_string(*evidence.line);
                if (evidence.offset) line += "@" + std::to_string(*evidence.offset);
            }
            lines.push_back(std::move(line));
        }
        std::sort(lines.begin(), lines.end());
        return lines;
    }
    const Finding* find(std::string_view rule) const {
        for (const Finding& finding : findings)
            if (finding.rule == rule) return &finding;
        return nullptr;
    }

    Records records;
    Findings findings;
    std::vector<Uncovered> uncovered;

private:
    std::deque<MemoryEntry> entries_; // references stay valid while more are added
};

} // namespace kanshiki::test
