// What cron and at run by themselves: crontabs, the scripts of /etc/cron.*, at jobs.

#include "analyze/artifact/analyzers.h"
#include "analyze/artifact/fact.h"
#include "analyze/artifact/persistence/command_signs.h"
#include "analyze/artifact/persistence/inventory.h"
#include "analyze/artifact/persistence/script.h"
#include "analyze/format/crontab.h"

#include <algorithm>

namespace kanshiki {

namespace {

using format::CronJob;
using format::CronSetting;
using format::CrontabStyle;

constexpr uint64_t file_limit = 4 << 20;

enum class Place { none, system_table, user_table, script, at_job };

// A crontab that runs as `user`; of system tables the line says so.
std::optional<std::string_view> behind(std::string_view path, std::string_view folder) {
    if (!path.starts_with(folder)) return std::nullopt;
    path.remove_prefix(folder.size());
    if (path.empty() || path.find('/') != path.npos) return std::nullopt;
    return path;
}

Place place_of(std::string_view path) {
    if (path == "/etc/crontab" || path == "/etc/anacrontab" || behind(path, "/etc/cron.d/")) return Place::system_table;
    for (const std::string_view folder :
         {"/etc/cron.hourly/", "/etc/cron.daily/", "/etc/cron.weekly/", "/etc/cron.monthly/", "/etc/cron.yearly/"})
        if (behind(path, folder)) return Place::script;
    // Debian, then Red Hat; /var may be a volume of its own.
    for (const std::string_view folder :
         {"/var/spool/cron/crontabs/", "/spool/cron/crontabs/", "/var/spool/cron/", "/spool/cron/"})
        if (behind(path, folder)) return Place::user_table;
    for (const std::string_view folder :
         {"/var/spool/cron/atjobs/", "/spool/cron/atjobs/", "/var/spool/at/", "/spool/at/"})
        if (behind(path, folder)) return Place::at_job;
    return Place::none;
}

struct CronLine {
    CronJob job;
    Evidence where;
};

void judge_job(const CronLine& line, const PathSet<WritableProgram>& writable, FindingList& findings) {
    const CronJob& job = line.job;
    const std::string user = job.user.empty() ? std::string(base_name(line.where.path)) : job.user;
    auto signs = signs_of(job.command);
    for (const std::string& program : programs_of(job.command))
        if (writable.has(line.where.volume, program))
            signs.push_back({"writable-program", Severity::high, "everyone can change " + program});
    for (Sign& sign : signs_of(job.input)) signs.push_back(std::move(sign));
    const bool reboot = job.schedule == "@reboot";
    const std::string what = (reboot ? "at every start of the system" : "at " + job.schedule) + " as " + user + ": " +
                             job.command.substr(0, 160);
    if (!signs.empty()) {
        report_signs(findings, "suspicious-job", "cron job " + what, std::move(signs), "T1053.003", {line.where},
                     "cron starts this by itself, with " + user + "'s rights, for as long as the line stands there.");
        return;
    }
    findings.add(
        reboot ? "reboot-job" : "job", reboot && !line.where.deleted ? Severity::low : Severity::info,
        "cron job " + what,
        reboot ? "A job that runs at every start is a simple way to survive a reboot. Harmless if an administrator "
                 "or a package put it there."
               : "Nothing speaks against this job by itself; it is listed because cron is a usual way to stay on a "
                 "system.",
        "T1053.003", {line.where});
}

class Cron final : public Analyzer {
public:
    std::string_view name() const override { return "cron"; }

    bool wants(const std::string& path, const FileInfo& info) const override {
        return info.type == FileType::regular && place_of(path) != Place::none;
    }

    void read(const FileView& file, Records& records) const override {
        if (names_another_file(file)) return;
        const Place place = place_of(file.path());
        if (base_name(file.path()) == ".placeholder") return;
        const std::string text = file.content(file_limit);
        if (place == Place::script || place == Place::at_job)
            return record_script(file, text, place == Place::script ? ScriptKind::cron : ScriptKind::at, records);
        if (file.path() == "/etc/anacrontab") // period delay name command: as a script, the command is still looked at
            return record_script(file, text, ScriptKind::cron, records);
        auto table =
            format::parse_crontab(text, place == Place::system_table ? CrontabStyle::system : CrontabStyle::user);
        for (CronJob& job : table.jobs) {
            Evidence where = evidence_at(file, job.at);
            records.add(CronLine{std::move(job), std::move(where)});
        }
        for (CronSetting& setting : table.settings) {
            Evidence where = evidence_at(file, setting.at);
            records.add(Fact<CronSetting>{std::move(setting), std::move(where)});
        }
        report_unparsed(file, table.unparsed);
    }

    void conclude(const CaseView& everything, Findings& findings) const override {
        FindingList list(findings, name());
        const PathSet<WritableProgram> writable(everything.records);
        for (const CronLine& line : everything.records.of<CronLine>()) judge_job(line, writable, list);
        for (const auto& [setting, where] : everything.records.of<Fact<CronSetting>>())
            if (setting.name.starts_with("LD_") || !signs_of_path(setting.value).empty())
                list.add(
                    "suspicious-setting", Severity::high,
                    "crontab sets " + setting.name + " to " + setting.value.substr(0, 160),
                    "Every job of this table runs with it: a library or shell from an odd place takes over otherwise "
                    "innocent jobs. Harmless only if the administrator wrote it.",
                    "T1053.003", {where});
        for (const ScriptFile& script : everything.records.of<ScriptFile>()) {
            if (script.kind == ScriptKind::cron)
                judge_script(script, list, "suspicious-script", "T1053.003",
                             "cron runs this script by itself as root.");
            if (script.kind == ScriptKind::at) {
                judge_script(script, list, "suspicious-at-job", "T1053.002", "at will run this job by itself.");
                if (script.signs.empty())
                    list.add("at-job", Severity::low, "at job " + std::string(base_name(script.where.path)),
                             "A job waits to be run once. Few servers use at: worth knowing who queued it.",
                             "T1053.002", {script.where});
            }
        }
        list.finish();
    }
};

const Cron instance{};

} // namespace

const Analyzer& cron_analyzer = instance;

} // namespace kanshiki
