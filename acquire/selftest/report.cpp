// The table of assertions on a terminal, for a script and on paper.
#include "acquire/custody/printable_page.h"
#include "acquire/selftest/selftest.h"
#include "kanshiki/escape.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace kanshiki::selftest {

std::string as_text(const Outcome& outcome) {
    std::string out = fmt::format("{}  {}  {}\n", outcome.id, outcome.passed ? "pass" : "FAIL", outcome.assertion);
    if (outcome.passed) return out;
    for (const auto& [name, text] :
         {std::pair{"done", outcome.done}, {"expected", outcome.expected}, {"seen", outcome.seen}})
        if (!text.empty()) out += fmt::format("             {:<9} {}\n", name, escape_terminal(text));
    return out;
}

std::string as_json(const Report& report) {
    nlohmann::ordered_json outcomes = nlohmann::ordered_json::array();
    for (const Outcome& each : report.outcomes)
        outcomes.push_back({{"id", each.id},
                            {"assertion", each.assertion},
                            {"passed", each.passed},
                            {"done", each.done},
                            {"expected", each.expected},
                            {"seen", to_utf8_lossless(each.seen)}});
    const nlohmann::ordered_json out = {
        {"tool", {{"version", report.tool.version}, {"binary_sha256", report.tool.binary_sha256}}},
        {"host", to_utf8_lossless(report.host.name)},
        {"kernel", to_utf8_lossless(report.host.kernel)},
        {"started", report.started},
        {"ended", report.ended},
        {"plant", report.plant},
        {"passed", report.outcomes.size() - report.failed()},
        {"failed", report.failed()},
        {"assertions", outcomes}};
    return out.dump(2) + "\n";
}

std::string as_html(const Report& report) {
    std::string body = "<table class=\"about\">\n<tbody>\n";
    const std::pair<const char*, std::string> about[] = {
        {"result",
         fmt::format("{} of {} assertions held", report.outcomes.size() - report.failed(), report.outcomes.size())},
        {"tool", "kanshiki " + report.tool.version + ", SHA-256 " + report.tool.binary_sha256},
        {"host", report.host.name + ", " + report.host.kernel + ", " + report.host.machine},
        {"when", report.started + " to " + report.ended},
        {"fault put in on purpose", report.plant.empty() ? "none" : report.plant}};
    for (const auto& [name, value] : about)
        body += fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", name, escape_html(value));
    body += "</tbody>\n</table>\n<table>\n<thead><tr><th></th><th>Assertion</th><th></th><th>What was done</th>"
            "<th>Expected</th><th>Seen</th></tr></thead>\n<tbody>\n";
    for (const Outcome& each : report.outcomes)
        body +=
            fmt::format("<tr><td class=\"when\">{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                        each.id, escape_html(each.assertion), each.passed ? "pass" : "<strong>FAIL</strong>",
                        escape_html(each.done), escape_html(each.expected), escape_html(each.seen));
    return printable_page("Selftest of kanshiki " + report.tool.version, body + "</tbody>\n</table>\n");
}

} // namespace kanshiki::selftest
