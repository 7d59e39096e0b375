#include "analyze/artifact/fact.h"
#include "analyze/report/reports_of_findings.h"
#include "kanshiki/escape.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <ostream>

namespace kanshiki {

namespace {

using Json = nlohmann::ordered_json;

// "2026-11-23T05:52:11.123456789Z"; the fraction only where there is one
std::string iso_text(Timestamp time) {
    std::string text = utc_text(time);
    if (!text.ends_with(" UTC")) return text;
    text.resize(text.size() - 4);
    text[text.find(' ')] = 'T';
    if (time.nanoseconds != 0) {
        char fraction[16];
        std::snprintf(fraction, sizeof fraction, ".%09u", time.nanoseconds);
        text += fraction;
    }
    return text + "Z";
}

Json evidence_json(const Evidence& evidence) {
    Json object{{"volume", evidence.volume},
                {"path", to_utf8_lossless(evidence.path)},
                {"inode", evidence.inode},
                {"deleted", evidence.deleted}};
    object["offset"] = evidence.offset ? Json(*evidence.offset) : Json();
    object["line"] = evidence.line ? Json(*evidence.line) : Json();
    object["excerpt"] = to_utf8_lossless(evidence.excerpt);
    return object;
}

} // namespace

void write_findings_jsonl(const TriageResult& result, std::ostream& out) {
    for (const Finding& finding : result.findings) {
        Json object{{"analyzer", to_utf8_lossless(finding.analyzer)},
                    {"rule", to_utf8_lossless(finding.rule)},
                    {"severity", severity_name(finding.severity)},
                    {"title", to_utf8_lossless(finding.title)},
                    {"why", to_utf8_lossless(finding.why)},
                    {"attack", finding.attack.empty() ? Json() : Json(to_utf8_lossless(finding.attack))},
                    {"time", finding.time ? Json(iso_text(*finding.time)) : Json()},
                    {"evidence", Json::array()}};
        for (const Evidence& evidence : finding.evidence) object["evidence"].push_back(evidence_json(evidence));
        // ASCII only: what could steer a terminal or turn the reading direction is \uNNNN
        out << object.dump(-1, ' ', true) << '\n';
    }
}

} // namespace kanshiki
