// Reads the login logs (auth.log, secure, wtmp, btmp, rotated ones too) into login facts and timeline events, and says
// where the logs themselves look tampered with.

#include "analyze/artifact/analyzers.h"
#include "analyze/artifact/entry/log_stream.h"
#include "analyze/artifact/entry/login_facts.h"
#include "analyze/artifact/fact.h"
#include "analyze/format/syslog.h"
#include "analyze/format/utmp.h"

#include <algorithm>

namespace kanshiki {

namespace {

using format::AuthKind;
using format::AuthMessage;

// A server on the internet sees some ten thousand failures a day; each costs about 800 bytes here.
constexpr uint64_t most_facts = 150'000;
constexpr size_t longest_line = 64 << 10, excerpt_size = 240;

std::string description(const AuthMessage& message) {
    switch (message.kind) {
    case AuthKind::accepted:
        return "Login";
    case AuthKind::failed:
        return "Login failed";
    case AuthKind::invalid_user:
        return "Login tried with unknown user";
    case AuthKind::sudo:
        return "sudo";
    case AuthKind::su:
        return "su";
    case AuthKind::su_failed:
        return "su failed";
    case AuthKind::account_created:
        return "Account created";
    case AuthKind::account_changed:
        return "Account changed";
    case AuthKind::password_changed:
        return "Password changed";
    }
    return {};
}

std::string sentence(const LoginFact& fact) {
    const AuthMessage& message = fact.message;
    std::string text = description(message) + ": ";
    if (!message.actor.empty()) text += message.actor + " as ";
    text += message.user.empty() ? "(no name)" : message.user;
    if (!message.address.empty()) text += " from " + message.address;
    if (!message.method.empty()) text += ", " + message.method;
    if (!message.detail.empty()) text += ": " + message.detail;
    if (message.times > 1) text += " (" + std::to_string(message.times) + " times)";
    return text;
}

// Collects one file's facts; times of RFC 3164 lines are settled once the whole file is known.
class Collector {
public:
    Collector(const FileView& file, LogKind kind) : file_(file) {
        log_.kind = kind;
        log_.where = evidence_of(file);
        log_.size = file.info().size;
        log_.modified = file.info().modified;
        place_ = std::make_shared<const Evidence>(log_.where);
    }
    LogFile& log() { return log_; }

    void spans(Timestamp time) {
        ++log_.records;
        if (!log_.first || time < *log_.first) log_.first = time;
        if (!log_.last || time > *log_.last) log_.last = time;
    }
    void add(LoginFact fact, uint64_t offset, std::optional<uint64_t> line, std::string_view excerpt) {
        if (facts_.size() >= most_facts) {
            if (more_++ == 0) more_from_ = offset;
            return;
        }
        fact.log = log_.kind;
        fact.file = place_;
        fact.offset = offset;
        fact.line = line;
        fact.excerpt = excerpt.substr(0, excerpt_size);
        facts_.push_back(std::move(fact));
    }
    void event(Timestamp time, std::string what, std::string message, uint64_t offset) {
        Evidence where = *place_;
        where.offset = offset;
        if (events_.size() < most_facts)
            events_.push_back({time, std::move(what), std::move(message), std::move(where)});
    }
    std::vector<LoginFact>& facts() { return facts_; }

    void finish(Records& records) {
        if (more_ > 0)
            file_.not_covered("from byte " + std::to_string(more_from_),
                              std::to_string(more_) + " more login records than the " + std::to_string(most_facts) +
                                  " kept for one file");
        for (LoginFact& fact : facts_) {
            Evidence where = *place_;
            where.offset = fact.offset;
            where.line = fact.line;
            records.add(TimelineEvent{fact.time, description(fact.message), sentence(fact), std::move(where)});
            records.add(std::move(fact));
        }
        for (TimelineEvent& event : events_) records.add(std::move(event));
        records.add(std::move(log_));
    }

private:
    const FileView& file_;
    LogFile log_;
    std::shared_ptr<const Evidence> place_;
    std::vector<LoginFact> facts_;
    std::vector<TimelineEvent> events_;
    uint64_t more_ = 0, more_from_ = 0;
};

void read_auth_log(const FileView& file, const LogName& name, Records& records) {
    Collector collector(file, LogKind::auth);
    format::YearKeeper years;
    format::Unparsed unparsed;
    struct Pending {
        size_t fact;
        int year, month, day, hour, minute, second;
    };
    std::vector<Pending> pending; // facts whose year is open
    std::optional<Pending> first, last;
    format::LineSplitter splitter(longest_line, [&](const format::Line& whole) {
        format::Line line = whole;
        // NULs come from a log that was emptied while its writer kept its offset, or from a crash.
        const auto nuls = static_cast<uint64_t>(std::count(line.text.begin(), line.text.end(), '\0'));
        if (nuls > 0) {
            if (!collector.log().first_nul) collector.log().first_nul = line.offset + line.text.find('\0');
            collector.log().nul_bytes += nuls;
            const size_t begin = std::min(line.text.find_first_not_of('\0'), line.text.size());
            line.text.remove_prefix(begin);
            line.offset += begin;
        }
        if (line.cut) unparsed.add(line, "line longer than 64 KiB: only its beginning is read");
        if (line.text.empty()) return;
        const auto stamped = format::parse_syslog(line.text);
        if (!stamped) return unparsed.add(line, "log line without a time stamp");
        Pending when{collector.facts().size(), 0, stamped->month, stamped->day, stamped->hour, stamped->minute,
                     stamped->second};
        if (stamped->seconds) {
            collector.spans({*stamped->seconds, stamped->nanoseconds});
        } else {
            when.year = years.relative_year(*stamped);
            if (!first) first = when;
            last = when;
            ++collector.log().records;
        }
        auto message = format::parse_auth_message(stamped->program, stamped->message);
        if (!message) return;
        LoginFact fact;
        fact.message = std::move(*message);
        if (stamped->seconds) fact.time = {*stamped->seconds, stamped->nanoseconds};
        const size_t before = collector.facts().size();
        collector.add(std::move(fact), line.offset, line.number, line.text);
        if (!stamped->seconds && collector.facts().size() > before) pending.push_back(when);
    });
    stream_log(file, name, [&](std::string_view piece) { splitter.feed(piece); });
    splitter.finish();
    report_unparsed(file, unparsed);
    if (first) {
        const int64_t year = years.first_year(file.info().modified ? file.info().modified->seconds : 0);
        const auto settle = [&](const Pending& when) {
            return Timestamp{
                format::utc_seconds(year + when.year, when.month, when.day, when.hour, when.minute, when.second), 0};
        };
        collector.log().local_time = true;
        for (const Pending& when : pending) collector.facts()[when.fact].time = settle(when);
        for (const Pending& when : {*first, *last}) {
            collector.spans(settle(when));
            --collector.log().records; // counted above
        }
        if (!file.info().modified)
            file.not_covered("time stamps",
                             "the lines carry no year and the file has no modification time: years are wrong");
    }
    collector.finish(records);
}

void add_utmp(Collector& collector, const format::UtmpRecord& record, uint64_t offset) {
    using format::UtmpType;
    const Timestamp time{record.seconds, record.microseconds * 1000};
    collector.spans(time);
    const std::string origin = record.host.empty() ? record.address : record.host;
    const bool btmp = collector.log().kind == LogKind::btmp;
    if (record.type == UtmpType::user || (btmp && record.type == UtmpType::login)) {
        LoginFact fact;
        fact.message.kind = btmp ? AuthKind::failed : AuthKind::accepted;
        fact.message.user = record.user;
        fact.message.address = origin;
        fact.time = time;
        // "ssh:notty" without a host cannot be; a display or a console has none or one that begins with ':'
        fact.local =
            origin.empty() || origin.starts_with(':') || origin.starts_with("tmux(") || origin.starts_with("localhost");
        std::string text = record.user + " on " + record.line;
        if (!origin.empty()) text += " from " + origin;
        return collector.add(std::move(fact), offset, std::nullopt, text + ", process " + std::to_string(record.pid));
    }
    if (btmp) return;
    if (record.type == UtmpType::boot)
        collector.event(time, "System start", "System start, kernel " + record.host, offset);
    if (record.type == UtmpType::run_level && record.user == "shutdown")
        collector.event(time, "System shutdown", "System shutdown, kernel " + record.host, offset);
    if (record.type == UtmpType::dead && !record.line.empty())
        collector.event(time, "Logout", "Logout from " + record.line, offset);
    if (record.type == UtmpType::old_time || record.type == UtmpType::new_time)
        collector.event(time, "Clock set",
                        record.type == UtmpType::old_time ? "Clock set: time before" : "Clock set: time after", offset);
}

void read_utmp(const FileView& file, const LogName& name, LogKind kind, Records& records) {
    Collector collector(file, kind);
    std::string pending;
    uint64_t offset = 0, invalid = 0, first_invalid = 0;
    size_t size = 0;
    const auto take = [&](bool end) {
        // 64 records decide on the layout; a short file with fewer
        if (size == 0 && (end || pending.size() >= 64 * format::utmp_size_aarch64))
            size = format::utmp_record_size(std::as_bytes(std::span(pending)));
        size_t at = 0;
        for (; size > 0 && at + size <= pending.size(); at += size, offset += size) {
            const auto bytes = std::as_bytes(std::span(pending)).subspan(at, size);
            if (format::is_all_zero(bytes)) {
                if (collector.log().wiped++ == 0) collector.log().first_wiped = offset;
            } else if (const auto record = format::parse_utmp(bytes)) {
                add_utmp(collector, *record, offset);
            } else if (invalid++ == 0) {
                first_invalid = offset;
            }
        }
        pending.erase(0, at);
    };
    stream_log(file, name, [&](std::string_view piece) {
        pending += piece;
        take(false);
    });
    take(true);
    if (invalid > 0)
        file.not_covered("from byte " + std::to_string(first_invalid),
                         std::to_string(invalid) + " records that no system writes");
    if (!pending.empty())
        file.not_covered("byte " + std::to_string(offset),
                         "the last record is cut short: " + std::to_string(pending.size()) + " bytes");
    collector.finish(records);
}

void judge_wiping(const LogFile& log, FindingList& findings) {
    if (log.nul_bytes >= 16) {
        Evidence where = log.where;
        where.offset = log.first_nul;
        findings.add("nul-bytes", Severity::medium,
                     log.where.path + " holds " + std::to_string(log.nul_bytes) + " NUL bytes",
                     "A text log has none. They appear where a log was emptied or cut while its writer went on at its "
                     "old place, or "
                     "where the system crashed while writing. Harmless if the system lost power at that time.",
                     "T1070.002", {where});
    }
    if (log.wiped > 0) {
        Evidence where = log.where;
        where.offset = log.first_wiped;
        findings.add("wiped-records", Severity::high,
                     log.where.path + " holds " + std::to_string(log.wiped) + " records of nothing but zeros",
                     "Log cleaners overwrite the records of a login with zeros; the system itself writes no such "
                     "records. Harmless "
                     "only after file system damage.",
                     "T1070.002", {where});
    }
}

// Logins that wtmp knows, in a time that an auth log covers, but without a line there.
void judge_missing(const Records& records, FindingList& findings) {
    const bool utc = logs_are_utc(records);
    const auto& facts = records.of<LoginFact>();
    std::map<std::pair<std::string_view, std::string_view>, std::vector<const LoginFact*>> accepted;
    for (const LoginFact& fact : facts)
        if (fact.log == LogKind::auth && fact.message.kind == AuthKind::accepted)
            accepted[{fact.message.user, fact.message.address}].push_back(&fact);
    for (const LoginFact& fact : facts) {
        if (fact.log != LogKind::wtmp || fact.local || fact.message.kind != AuthKind::accepted) continue;
        const bool covered =
            std::any_of(records.of<LogFile>().begin(), records.of<LogFile>().end(), [&](const LogFile& log) {
                const int64_t margin = !utc && log.local_time ? 15 * 3600 : 0;
                return log.kind == LogKind::auth && log.first && fact.time.seconds >= log.first->seconds + margin &&
                       fact.time.seconds <= log.last->seconds - margin;
            });
        const auto same = accepted.find({fact.message.user, fact.message.address});
        const bool told = same != accepted.end() &&
                          std::any_of(same->second.begin(), same->second.end(),
                                      [&](const LoginFact* other) { return same_moment(fact, *other, utc); });
        if (covered && !told)
            findings.add("missing-from-log", Severity::medium,
                         "Login of " + fact.message.user + " from " + fact.message.address + " at " +
                             utc_text(fact.time) + " is in wtmp but not in the authentication log",
                         "sshd writes both. Lines taken out of the log leave such a gap. Harmless if the login came by "
                         "another way than "
                         "sshd (telnet, a graphical session), if a host name stands in one and an address in the "
                         "other, or if the log "
                         "lost lines to rate limiting.",
                         "T1070.002", {fact.where()}, fact.time);
    }
}

void judge_emptied(const Records& records, FindingList& findings) {
    std::optional<Timestamp> latest;
    const LoginFact* proof = nullptr;
    for (const LoginFact& fact : records.of<LoginFact>())
        if (fact.log == LogKind::auth && fact.message.kind == AuthKind::accepted && (!latest || fact.time > *latest)) {
            latest = fact.time;
            proof = &fact;
        }
    for (const LogFile& log : records.of<LogFile>())
        if (log.kind == LogKind::wtmp && log.size == 0 && base_name(log.where.path) == "wtmp" && !log.where.deleted &&
            proof != nullptr && (!log.modified || *latest > *log.modified))
            findings.add("emptied-wtmp", Severity::medium,
                         log.where.path + " is empty though there were logins after it was last written",
                         "Each login at a terminal is added to wtmp. It was emptied, or something keeps the system "
                         "from writing it. "
                         "Harmless if wtmp is turned off on purpose or all logins only ran single commands.",
                         "T1070.002", {log.where, proof->where()});
}

class LoginLogs final : public Analyzer {
public:
    std::string_view name() const override { return "login-logs"; }

    bool wants(const std::string& path, const FileInfo& info) const override {
        if (path == "/etc/localtime") return info.type == FileType::symlink;
        if (info.type != FileType::regular) return false;
        return path == "/etc/timezone" || log_name(path) ||
               (path.ends_with(".journal") && path.find("/log/journal/") != path.npos);
    }

    void read(const FileView& file, Records& records) const override {
        if (names_another_file(file)) return;
        if (file.path().ends_with(".journal"))
            return file.not_covered(
                "whole file", "systemd's journal is not read by this version; where no syslog daemon runs, sshd's "
                              "messages are only there");
        if (file.path() == "/etc/timezone" || file.path() == "/etc/localtime") {
            if (file.deleted()) return;
            std::string zone = file.path() == "/etc/timezone" ? file.content(4096) : file.info().symlink_target;
            if (const size_t at = zone.find("zoneinfo/"); at != zone.npos) zone.erase(0, at + 9);
            records.add(TimeZone{std::string(format::trim(zone.substr(0, zone.find('\n')))), evidence_of(file)});
            return;
        }
        const LogName log = *log_name(file.path());
        if (log.stem == "auth.log" || log.stem == "secure")
            read_auth_log(file, log, records);
        else
            read_utmp(file, log, log.stem == "wtmp" ? LogKind::wtmp : LogKind::btmp, records);
    }

    void conclude(const CaseView& everything, Findings& findings) const override {
        FindingList list(findings, name());
        for (const LogFile& log : everything.records.of<LogFile>()) judge_wiping(log, list);
        judge_missing(everything.records, list);
        judge_emptied(everything.records, list);
        const auto& logs = everything.records.of<LogFile>();
        const auto local = std::find_if(logs.begin(), logs.end(), [](const LogFile& log) { return log.local_time; });
        if (local != logs.end() && !logs_are_utc(everything.records)) {
            std::vector<Evidence> evidence{local->where};
            std::string zone = "unknown";
            for (const TimeZone& known : everything.records.of<TimeZone>()) {
                zone = known.name;
                evidence.push_back(known.where);
            }
            list.add("local-time", Severity::info,
                     "Log times are local times of the zone " + zone + ", shown as if they were UTC",
                     "Lines such as \"Nov 23 05:52:11\" carry neither year nor zone. The year is taken from the time "
                     "the file was last "
                     "written, counted backwards; the zone is not applied. wtmp, btmp and file times are true UTC.",
                     "", std::move(evidence));
        }
        list.finish();
    }
};

const LoginLogs instance{};

} // namespace

bool same_moment(const LoginFact& a, const LoginFact& b, bool utc) {
    const int64_t apart =
        a.time.seconds > b.time.seconds ? a.time.seconds - b.time.seconds : b.time.seconds - a.time.seconds;
    constexpr int64_t slack = 120, quarter = 900;
    if (apart <= slack) return true;
    return !utc && apart <= 15 * 3600 && (apart % quarter <= slack || apart % quarter >= quarter - slack);
}

bool logs_are_utc(const Records& records) {
    const auto& zones = records.of<TimeZone>();
    return !zones.empty() && std::all_of(zones.begin(), zones.end(), [](const TimeZone& zone) {
        return zone.name == "UTC" || zone.name == "Etc/UTC" || zone.name == "Etc/UCT" || zone.name == "UCT" ||
               zone.name == "Zulu";
    });
}

const Analyzer& login_logs_analyzer = instance;

} // namespace kanshiki
