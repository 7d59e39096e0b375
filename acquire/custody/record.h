#pragma once
// The custody record of an image as a person reads it: how it was acquired, what was done with it since.

#include "kanshiki/manifest.h"

namespace kanshiki {

struct RecordEntry {
    std::string time; // UTC
    std::string act;
    std::string who, host;                                  // empty in the acquisition log: the manifest has them
    std::vector<std::pair<std::string, std::string>> facts; // in their order
};

struct CustodyRecord {
    std::string image; // name
    Manifest manifest;
    std::string manifest_sha256;
    std::string signature;               // what stands beside the manifest, in words
    std::vector<RecordEntry> deviations; // of the acquisition: retries, reconnections, resumes, notices, unreadable …
    uint64_t deviations_left_out = 0;    // beyond the first 1000
    std::vector<RecordEntry> acts;       // since then
    std::vector<std::string> problems;   // a broken chain, a missing log
};

// Error{never_valid} without a manifest that can be read.
CustodyRecord read_custody_record(const std::filesystem::path& image);

std::string record_as_text(const CustodyRecord& record); // escaped for a terminal
std::string record_as_json(const CustodyRecord& record);
std::string record_as_html(const CustodyRecord& record); // one printable page, nothing loaded from elsewhere

} // namespace kanshiki
