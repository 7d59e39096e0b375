// systemd units, timers, drop-ins and generators, of the system and of users.

#include "analyze/artifact/analyzers.h"
#include "analyze/artifact/fact.h"
#include "analyze/artifact/persistence/inventory.h"
#include "analyze/artifact/persistence/script.h"
#include "analyze/format/unit_file.h"

#include <algorithm>
#include <set>

namespace kanshiki {

namespace {

using format::UnitSetting;

constexpr uint64_t file_limit = 1 << 20;

enum class Home : uint8_t { none, vendor, local, user }; // who puts units there

struct UnitFile {
    std::string name; // "x.service"; of a drop-in the unit it changes
    Home home = Home::none;
    bool drop_in = false;
    Evidence where;
    std::vector<std::pair<std::string, Evidence>> runs; // Exec*= values
    std::vector<std::pair<Sign, Evidence>> others;      // settings that say something by themselves
    std::string user;
};

// x.wants/y.service -> y.service, or a whole unit that is a link
struct UnitLink {
    std::string name, target;
    bool enables = false;
    Evidence where;
};

Home home_of(std::string_view path) {
    if (path.starts_with("/etc/systemd/system/") || path.starts_with("/usr/local/lib/systemd/system/") ||
        path.starts_with("/etc/systemd/user/"))
        return Home::local;
    if (path.starts_with("/usr/lib/systemd/system/") || path.starts_with("/lib/systemd/system/") ||
        path.starts_with("/usr/lib/systemd/user/"))
        return Home::vendor;
    if (path.find("/.config/systemd/user/") != path.npos || path.find("/.local/share/systemd/user/") != path.npos)
        return Home::user;
    return Home::none;
}

bool is_unit_name(std::string_view name) {
    for (const std::string_view suffix :
         {".service", ".timer", ".socket", ".path", ".mount", ".automount", ".swap", ".target", ".slice"})
        if (name.ends_with(suffix)) return true;
    return false;
}

bool is_drop_in(std::string_view path) { return path.ends_with(".conf") && folder_of(path).ends_with(".d/"); }

bool is_generator(std::string_view path) {
    const std::string_view folder = folder_of(path);
    return folder == "/etc/systemd/system-generators/" || folder == "/usr/local/lib/systemd/system-generators/" ||
           folder == "/etc/systemd/user-generators/" || folder == "/etc/systemd/system-environment-generators/";
}

UnitFile read_unit(const FileView& file) {
    UnitFile unit;
    const std::string_view path = file.path();
    unit.home = home_of(path);
    unit.drop_in = is_drop_in(path);
    std::string_view folder = folder_of(path);
    if (unit.drop_in) folder.remove_suffix(3); // ".d/"
    unit.name = base_name(unit.drop_in ? folder : path);
    unit.where = evidence_of(file);
    auto parsed = format::parse_unit_file(file.content(file_limit));
    for (UnitSetting& setting : parsed.entries) {
        const Evidence where = evidence_at(file, setting.at);
        if (format::is_exec_key(setting.key) && !setting.value.empty() && unit.runs.size() < 256)
            unit.runs.emplace_back(format::without_exec_prefix(setting.value), where);
        if (setting.key == "User") unit.user = setting.value;
        if (setting.key == "Environment" && setting.value.find("LD_PRELOAD") != std::string::npos &&
            unit.others.size() < 64)
            unit.others.emplace_back(
                Sign{"ld-preload", Severity::high, "loads a library into its programs (LD_PRELOAD)", "T1574.006"},
                where);
        if ((setting.key == "EnvironmentFile" || setting.key == "RootDirectory" || setting.key == "RootImage") &&
            unit.others.size() < 64)
            for (Sign& sign : signs_of_path(format::without_exec_prefix(setting.value))) {
                sign.words =
                    "takes its surroundings from " + setting.value.substr(0, 200) + ", a temporary or hidden place";
                unit.others.emplace_back(std::move(sign), where);
            }
    }
    report_unparsed(file, parsed.unparsed);
    return unit;
}

class Judge {
public:
    Judge(const Records& records, FindingList& findings) : findings_(findings), packaged_(records), writable_(records) {
        for (const UnitLink& link : records.of<UnitLink>())
            if (link.enables) enabled_[{link.where.volume, link.name}].push_back(&link);
        for (const UnitFile& unit : records.of<UnitFile>())
            if (unit.name.ends_with(".timer"))
                timers_.emplace(unit.where.volume, unit.name.substr(0, unit.name.size() - 6));
    }

    void unit(const UnitFile& unit) const {
        std::vector<Sign> signs;
        std::vector<Evidence> evidence;
        for (const auto& [command, where] : unit.runs) {
            auto found = signs_of(command);
            for (const std::string& program : programs_of(command))
                if (writable_.has(where.volume, program))
                    found.push_back(
                        {"writable-program", Severity::high, "runs " + program + ", which everyone can change"});
            if (!found.empty()) evidence.push_back(where);
            for (Sign& sign : found) signs.push_back(std::move(sign));
        }
        for (const auto& [sign, where] : unit.others) {
            signs.push_back(sign);
            evidence.push_back(where);
        }
        const bool timed = timers_.contains({unit.where.volume, unit.name.substr(0, unit.name.rfind('.'))});
        const std::string_view attack = timed || unit.name.ends_with(".timer") ? "T1053.006" : "T1543.002";
        const auto links = enabled_.find({unit.where.volume, unit.name});
        const bool enabled = links != enabled_.end();
        if (!signs.empty()) {
            if (enabled)
                for (const UnitLink* link : links->second) evidence.push_back(link->where);
            report_signs(findings_, "suspicious-unit",
                         subject(unit) + (unit.runs.empty() ? "" : " runs " + unit.runs.front().first.substr(0, 160)),
                         std::move(signs), attack, std::move(evidence),
                         std::string("systemd starts this by itself, as ") + who(unit) +
                             (enabled ? ", at every start of the system." : "; no link that enables it was found."));
            return;
        }
        if (!unit.where.deleted) ordinary(unit, attack, enabled ? &links->second : nullptr);
    }

    void link(const UnitLink& link) const {
        auto signs = signs_of_path(link.target);
        for (Sign& sign : signs)
            sign.words = "leads to " + link.target.substr(0, 200) + ", a temporary or hidden place";
        report_signs(findings_, "suspicious-link",
                     "systemd unit " + link.name + " is a link to " + link.target.substr(0, 160), std::move(signs),
                     "T1543.002", {link.where}, "systemd reads the unit from wherever the link leads.");
    }

    void generator(const ScriptFile& script) const {
        if (script.where.deleted || packaged_.has(script.where.volume, script.where.path)) return;
        findings_.add("generator", Severity::medium, "systemd generator " + script.where.path,
                      "Programs in this folder run as root very early at every start and can make units that exist "
                      "nowhere else. Few "
                      "administrators write one. Harmless if this one is known.",
                      "T1543.002", {script.where});
    }

private:
    static std::string subject(const UnitFile& unit) {
        return unit.drop_in ? "Drop-in " + std::string(base_name(unit.where.path)) + " of systemd unit " + unit.name
                            : (unit.home == Home::user ? "User's systemd unit " : "systemd unit ") + unit.name;
    }
    static std::string who(const UnitFile& unit) {
        if (unit.home == Home::user) return "the user in whose home it lies";
        return unit.user.empty() ? "root" : unit.user.substr(0, 64);
    }

    void ordinary(const UnitFile& unit, std::string_view attack, const std::vector<const UnitLink*>* links) const {
        const bool owned = packaged_.has(unit.where.volume, unit.where.path);
        if (owned || (unit.runs.empty() && !unit.name.ends_with(".timer"))) return;
        std::vector<Evidence> evidence;
        for (const auto& run : unit.runs)
            if (evidence.size() < 8) evidence.push_back(run.second);
        if (evidence.empty()) evidence.push_back(unit.where);
        if (links != nullptr)
            for (const UnitLink* link : *links) evidence.push_back(link->where);
        const std::string runs = unit.runs.empty() ? "" : ", runs " + unit.runs.front().first.substr(0, 160);
        if (unit.home == Home::vendor) {
            if (!packaged_.any(unit.where.volume)) return; // no dpkg here: nothing to compare with
            findings_.add("unowned-unit", Severity::low,
                          subject(unit) + " lies among the packages' units but belongs to none" + runs,
                          "This folder is filled by packages; a file that none of them lists was put there by other "
                          "means. Harmless if "
                          "an installer outside Debian's packages did it.",
                          attack, std::move(evidence));
            return;
        }
        findings_.add("local-unit", Severity::low, subject(unit) + " was added on this machine" + runs,
                      std::string("It runs as ") + who(unit) +
                          (links != nullptr ? " at every start. " : ". No link that enables it was found. ") +
                          "No Debian package lists it, so an administrator, an installer or an intruder wrote it. "
                          "Harmless if its "
                          "software is known.",
                      attack, std::move(evidence));
    }

    FindingList& findings_;
    PathSet<PackageFile> packaged_;
    PathSet<WritableProgram> writable_;
    std::map<std::pair<unsigned, std::string>, std::vector<const UnitLink*>> enabled_;
    std::set<std::pair<unsigned, std::string>> timers_;
};

class Systemd final : public Analyzer {
public:
    std::string_view name() const override { return "systemd"; }

    bool wants(const std::string& path, const FileInfo& info) const override {
        if (info.type == FileType::regular && is_generator(path)) return true;
        if (home_of(path) == Home::none) return false;
        if (info.type == FileType::symlink) return is_unit_name(path);
        return info.type == FileType::regular && (is_unit_name(path) || is_drop_in(path));
    }

    void read(const FileView& file, Records& records) const override {
        if (names_another_file(file)) return;
        if (is_generator(file.path()))
            return record_script(file, file.content(file_limit), ScriptKind::generator, records);
        if (file.info().type == FileType::symlink) {
            if (file.deleted()) return;
            const std::string_view folder = folder_of(file.path());
            UnitLink link{std::string(base_name(file.path())), file.info().symlink_target,
                          folder.ends_with(".wants/") || folder.ends_with(".requires/"), evidence_of(file)};
            link.where.excerpt = ("-> " + link.target).substr(0, format::Spot::excerpt_limit);
            records.add(std::move(link));
            return;
        }
        records.add(read_unit(file));
    }

    void conclude(const CaseView& everything, Findings& findings) const override {
        FindingList list(findings, name());
        const Judge judge(everything.records, list);
        for (const UnitFile& unit : everything.records.of<UnitFile>()) judge.unit(unit);
        for (const UnitLink& link : everything.records.of<UnitLink>()) judge.link(link);
        for (const ScriptFile& script : everything.records.of<ScriptFile>())
            if (script.kind == ScriptKind::generator) {
                judge_script(script, list, "suspicious-generator", "T1543.002",
                             "systemd runs this as root at every start.");
                judge.generator(script);
            }
        list.finish();
    }
};

const Systemd instance{};

} // namespace

const Analyzer& systemd_analyzer = instance;

} // namespace kanshiki
