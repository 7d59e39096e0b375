#pragma once
// Scripts that the system or a login runs by itself, reduced to the lines that say something.

#include "analyze/artifact/fact.h"
#include "analyze/artifact/persistence/command_signs.h"

namespace kanshiki {

enum class ScriptKind : uint8_t { cron, at, rc, init, motd, shell_startup, generator };

struct ScriptFile {
    ScriptKind kind;
    Evidence where; // the file
    uint32_t mode = 0;
    std::vector<std::pair<Sign, Evidence>> signs; // each sign of each line, at most 64
    std::vector<Evidence> commands;               // lines that do something, at most 20
};

void record_script(const FileView& file, std::string_view text, ScriptKind kind, Records& records);

// One finding about a command and what speaks against it. A deleted file is rated one step lower.
void report_signs(FindingList& findings, std::string_view rule, std::string subject, std::vector<Sign> signs,
                  std::string_view attack, std::vector<Evidence> evidence, std::string_view why);

// Nothing when the script has no signs.
void judge_script(const ScriptFile& script, FindingList& findings, std::string_view rule, std::string_view attack,
                  std::string_view why);

} // namespace kanshiki
