#pragma once
// What triage says: a claim, how bad it is, and where exactly anyone can see it for himself.

#include "kanshiki/file_system.h"

namespace kanshiki {

enum class Severity : uint8_t { info, low, medium, high, critical };
std::string_view severity_name(Severity severity);

// Where. Bytes from outside; writers escape.
struct Evidence {
    unsigned volume = 0; // Volume::number
    std::string path;
    uint64_t inode = 0;
    bool deleted = false;
    std::optional<uint64_t> offset; // byte in the file
    std::optional<uint64_t> line;   // from 1
    std::string excerpt;            // what stands there, at most 512 bytes
};

struct Finding {
    std::string analyzer; // "accounts"
    std::string rule;     // "accounts.uid0-twin": stable, for scripts
    Severity severity = Severity::info;
    std::string title;  // one line
    std::string why;    // why it matters, and what would make it harmless
    std::string attack; // MITRE ATT&CK id, or empty
    std::vector<Evidence> evidence;
    std::optional<Timestamp> time; // when it happened, if known
};

using Findings = std::vector<Finding>;

} // namespace kanshiki
