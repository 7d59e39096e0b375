#pragma once
// The texts of an E01's header sections: tables of one row, in ASCII ("header") and UTF-16 ("header2"), deflated.

#include "acquire/evidence/ewf_format.h"

#include <utility>

namespace kanshiki::ewf {

struct Header {
    std::string description, case_number, evidence_number, examiner, notes; // UTF-8
    std::string software, system;
    int64_t acquired = 0; // UTC, seconds since 1970
};
Bytes render_header2(const Header& header); // deflated
Bytes render_header(const Header& header);  // what is not ASCII becomes "?"

// "case number", "examiner" … with their texts, in UTF-8, empty ones left out. Nothing when it cannot be read.
using Texts = std::vector<std::pair<std::string, std::string>>;
std::optional<Texts> parse_header(std::span<const std::byte> deflated);

} // namespace kanshiki::ewf
