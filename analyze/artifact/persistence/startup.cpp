// Scripts that run at the start of the system (rc.local, init.d), at a login (shell start-up files, message of the
// day).

#include "analyze/artifact/analyzers.h"
#include "analyze/artifact/fact.h"
#include "analyze/artifact/persistence/inventory.h"
#include "analyze/artifact/persistence/script.h"

#include <set>

namespace kanshiki {

namespace {

constexpr uint64_t file_limit = 4 << 20;

bool lies_in(std::string_view path, std::string_view folder) {
    return path.starts_with(folder) && path.size() > folder.size() && path.find('/', folder.size()) == path.npos;
}

std::optional<ScriptKind> kind_of(std::string_view path) {
    if (path == "/etc/rc.local" || path == "/etc/rc.d/rc.local") return ScriptKind::rc;
    if (lies_in(path, "/etc/init.d/") || lies_in(path, "/etc/rc.d/init.d/")) return ScriptKind::init;
    if (lies_in(path, "/etc/update-motd.d/")) return ScriptKind::motd;
    static const std::set<std::string_view> shared{"/etc/profile",     "/etc/bash.bashrc", "/etc/bashrc",
                                                   "/etc/environment", "/etc/zsh/zshrc",   "/etc/zsh/zshenv",
                                                   "/etc/zsh/zprofile"};
    if (shared.contains(path) || lies_in(path, "/etc/profile.d/")) return ScriptKind::shell_startup;
    // Of homes: /root/.bashrc, /home/alice/.bashrc, or /alice/.bashrc where /home is its own volume.
    static const std::set<std::string_view> personal{".bashrc",      ".bash_profile", ".bash_login",
                                                     ".bash_logout", ".profile",      ".zshrc",
                                                     ".zshenv",      ".zprofile",     ".bash_aliases"};
    if (personal.contains(base_name(path)) && !path.starts_with("/etc/skel/") && !path.starts_with("/usr/"))
        return ScriptKind::shell_startup;
    return std::nullopt;
}

void judge_rc_local(const ScriptFile& script, FindingList& findings) {
    if (script.commands.empty() || !script.signs.empty()) return;
    const bool runs = (script.mode & 0111) != 0;
    findings.add(
        "rc-local", Severity::low, script.where.path + " runs commands at every start of the system",
        std::string("Current systems ship without rc.local or with an empty one, so what it runs was added by hand. ") +
            (runs ? "" : "The file is not executable, so the system skips it now. ") +
            "Harmless if the administrator wrote it.",
        "T1037.004", script.commands);
}

class Startup final : public Analyzer {
public:
    std::string_view name() const override { return "startup"; }

    bool wants(const std::string& path, const FileInfo& info) const override {
        return info.type == FileType::regular && kind_of(path).has_value();
    }

    void read(const FileView& file, Records& records) const override {
        if (names_another_file(file)) return;
        record_script(file, file.content(file_limit), *kind_of(file.path()), records);
    }

    void conclude(const CaseView& everything, Findings& findings) const override {
        FindingList list(findings, name());
        const PathSet<PackageFile> packaged(everything.records);
        for (const ScriptFile& script : everything.records.of<ScriptFile>()) {
            switch (script.kind) {
            case ScriptKind::rc:
                judge_script(script, list, "suspicious-rc-local", "T1037.004",
                             "This script runs as root at every start of the system.");
                judge_rc_local(script, list);
                break;
            case ScriptKind::init:
                judge_script(script, list, "suspicious-init-script", "T1037.004",
                             "This script can run as root at every start of the system.");
                if (script.signs.empty() && !script.where.deleted && packaged.any(script.where.volume) &&
                    !packaged.has(script.where.volume, script.where.path))
                    list.add("local-init-script", Severity::low, script.where.path + " belongs to no Debian package",
                             "Start-up scripts come with packages; this one was put there by hand or by an installer. "
                             "Harmless if "
                             "its software is known.",
                             "T1037.004", {script.where});
                break;
            case ScriptKind::motd:
                judge_script(script, list, "suspicious-motd-script", "T1546",
                             "This script runs as root at every login.");
                break;
            case ScriptKind::shell_startup:
                judge_script(script, list, "suspicious-shell-startup", "T1546.004",
                             "Shells run this file when a user logs in.");
                break;
            default:
                break; // cron's, at's and systemd's are judged there
            }
        }
        list.finish();
    }
};

const Startup instance{};

} // namespace

const Analyzer& startup_analyzer = instance;

} // namespace kanshiki
