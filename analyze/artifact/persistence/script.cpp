#include "analyze/artifact/persistence/script.h"

#include <algorithm>
#include <set>

namespace kanshiki {

namespace {

constexpr size_t most_signs = 64, most_commands = 20;

bool does_something(std::string_view line) {
    line = format::trim(line);
    return !line.empty() && line.front() != '#' && line != "exit 0" && line != "exit" && line != ":" &&
           !line.starts_with("touch /var/lock/subsys/local");
}

} // namespace

void record_script(const FileView& file, std::string_view text, ScriptKind kind, Records& records) {
    ScriptFile script;
    script.kind = kind;
    script.where = evidence_of(file);
    script.mode = file.info().mode;
    if (text.substr(0, 4) == "\x7f"
                             "ELF") {
        file.not_covered("whole file", "a binary program, not a script: what it does is not looked at");
        records.add(std::move(script));
        return;
    }
    uint64_t more = 0;
    format::for_each_line(text, [&](const format::Line& line) {
        if (!does_something(line.text)) return;
        const Evidence where = evidence_at(file, format::Spot(line).offset, line.number, line.text);
        if (script.commands.size() < most_commands) script.commands.push_back(where);
        for (Sign& sign : signs_of(line.text)) {
            if (script.signs.size() < most_signs)
                script.signs.emplace_back(std::move(sign), where);
            else
                ++more;
        }
    });
    if (more > 0) file.not_covered("end of the script", std::to_string(more) + " more suspicious lines are not listed");
    records.add(std::move(script));
}

void report_signs(FindingList& findings, std::string_view rule, std::string subject, std::vector<Sign> signs,
                  std::string_view attack, std::vector<Evidence> evidence, std::string_view why) {
    if (signs.empty()) return;
    std::stable_sort(signs.begin(), signs.end(), [](const Sign& a, const Sign& b) { return a.severity > b.severity; });
    std::string text(why);
    text += " What speaks against it: it ";
    std::set<std::string> said;
    for (const Sign& sign : signs)
        if (said.size() < 8 && said.insert(sign.words).second) {
            text += (said.size() > 1 ? "; it " : "") + sign.words;
            if (!sign.attack.empty()) text += " (" + std::string(sign.attack) + ")";
        }
    text += ". Harmless only if the administrator put it there and can say what it is for.";
    Severity severity = signs.front().severity;
    if (!evidence.empty() && evidence.front().deleted) {
        severity = static_cast<Severity>(static_cast<int>(severity) - 1);
        subject = "Deleted: " + subject;
    }
    findings.add(rule, severity, std::move(subject), text, attack, std::move(evidence));
}

void judge_script(const ScriptFile& script, FindingList& findings, std::string_view rule, std::string_view attack,
                  std::string_view why) {
    if (script.signs.empty()) return;
    std::vector<Sign> signs;
    std::vector<Evidence> evidence;
    std::set<uint64_t> lines;
    for (const auto& [sign, where] : script.signs) {
        signs.push_back(sign);
        if (evidence.size() < most_commands && lines.insert(*where.line).second) evidence.push_back(where);
    }
    const auto worst = std::max_element(signs.begin(), signs.end(),
                                        [](const Sign& a, const Sign& b) { return a.severity < b.severity; });
    report_signs(findings, rule, script.where.path + " " + worst->words, std::move(signs), attack, std::move(evidence),
                 why);
}

} // namespace kanshiki
