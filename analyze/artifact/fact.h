#pragma once
// A record and where it was read: what analyzers put into the Records.

#include "analyze/format/lines.h"
#include "kanshiki/analyzer.h"

#include <map>

namespace kanshiki {

template<class T>
struct Fact {
    T value;
    Evidence where;
};

Evidence evidence_of(const FileView& file); // the file as a whole
Evidence evidence_at(const FileView& file, const format::Spot& at);
Evidence evidence_at(const FileView& file, uint64_t offset, std::optional<uint64_t> line, std::string_view excerpt);

// Adds each entry with its place, and tells the coverage ledger of the lines that gave none.
void report_unparsed(const FileView& file, const format::Unparsed& unparsed);
template<class T>
void add_parsed(const FileView& file, format::Parsed<T>&& parsed, Records& records) {
    for (T& entry : parsed.entries) {
        Evidence where = evidence_at(file, entry.at);
        records.add(Fact<T>{std::move(entry), std::move(where)});
    }
    report_unparsed(file, parsed.unparsed);
}

// A deleted name whose inode is in use again, or was only renamed: the content is another file's, which the walk meets
// under its living name.
bool names_another_file(const FileView& file);

// Findings of one analyzer; a hostile image may give millions of one rule, which are then counted in one line.
class FindingList {
public:
    static constexpr uint64_t limit_per_rule = 200;
    FindingList(Findings& findings, std::string_view analyzer) : findings_(findings), analyzer_(analyzer) {}
    void add(std::string_view rule, Severity severity, std::string title, std::string_view why, std::string_view attack,
             std::vector<Evidence> evidence, std::optional<Timestamp> time = std::nullopt);
    void finish();

private:
    struct Rest {
        uint64_t count = 0;
        Severity severity = Severity::info;
        std::string attack;
    };
    Findings& findings_;
    std::string analyzer_;
    std::map<std::string, Rest> rules_;
};

// For titles: the first few, then "and 12 more".
std::string enumerate(const std::vector<std::string>& names, size_t most = 5);
std::string utc_text(Timestamp time); // "2026-11-23 05:52:11 UTC"
std::string_view base_name(std::string_view path);
std::string_view folder_of(std::string_view path); // with the slash at its end

} // namespace kanshiki
