// Accounts: /etc/passwd joined with /etc/shadow, per volume, at the volume's root only (an /etc of a container or
// chroot further down belongs to another system).

#include "analyze/artifact/analyzers.h"
#include "analyze/artifact/entry/default_passwords.h"
#include "analyze/artifact/fact.h"
#include "analyze/format/crypt_hash.h"
#include "analyze/format/passwd.h"
#include "analyze/format/shadow.h"

#include <algorithm>
#include <set>

namespace kanshiki {

namespace {

using format::CryptHash;
using format::HashMethod;
using format::PasswdEntry;
using format::ShadowEntry;

constexpr uint64_t file_limit = 4 << 20; // 50,000 accounts take 3 MiB

// /etc/passwd-, /etc/shadow-: what shadow-utils left before its last change.
struct BackupAccount {
    std::string name;
    Evidence where;
};
struct ShadowChanged {
    unsigned volume;
    Timestamp modified;
};

bool can_log_in(const PasswdEntry& account) {
    static const std::set<std::string_view> closed{"nologin", "false", "sync", "shutdown", "halt"};
    return !closed.contains(base_name(account.shell));
}

struct Account {
    const Fact<PasswdEntry>* passwd = nullptr;
    const Fact<ShadowEntry>* shadow = nullptr; // only where passwd says "x"
    CryptHash hash;
    bool no_entry = false; // passwd points to a shadow line that is not there
    std::vector<Evidence> evidence() const {
        std::vector<Evidence> both{passwd->where};
        if (shadow != nullptr) both.push_back(shadow->where);
        return both;
    }
    const std::string& name() const { return passwd->value.name; }
    const std::string& password() const { return shadow != nullptr ? shadow->value.password : passwd->value.password; }
};

std::vector<Account> join(const Records& records, unsigned volume) {
    std::map<std::string_view, const Fact<ShadowEntry>*> shadows;
    for (const auto& entry : records.of<Fact<ShadowEntry>>())
        if (entry.where.volume == volume)
            shadows.try_emplace(entry.value.name, &entry); // the first line is the one used
    std::vector<Account> accounts;
    for (const auto& entry : records.of<Fact<PasswdEntry>>()) {
        if (entry.where.volume != volume) continue;
        Account account;
        account.passwd = &entry;
        account.hash = format::classify_hash(entry.value.password);
        if (account.hash.method == HashMethod::shadow) {
            const auto found = shadows.find(entry.value.name);
            account.no_entry = found == shadows.end();
            if (!account.no_entry) {
                account.shadow = found->second;
                account.hash = format::classify_hash(found->second->value.password);
            }
        }
        accounts.push_back(std::move(account));
    }
    return accounts;
}

void judge_identity(const std::vector<Account>& accounts, FindingList& findings) {
    std::map<uint32_t, std::vector<const Account*>> by_uid;
    std::map<std::string_view, std::vector<const Account*>> by_name;
    for (const Account& account : accounts) {
        if (account.passwd->value.compat) {
            findings.add("nis-compat", Severity::medium, "passwd holds the NIS compatibility entry " + account.name(),
                         "Where nsswitch.conf uses \"compat\", this line lets a directory server, or the fields in the "
                         "line itself, add accounts. Harmless only on an old system that really uses NIS.",
                         "T1136.001", {account.passwd->where});
            continue;
        }
        by_uid[account.passwd->value.uid].push_back(&account);
        by_name[account.name()].push_back(&account);
    }
    for (const auto& [uid, same] : by_uid) {
        std::vector<std::string> names;
        for (const Account* account : same) names.push_back(account->name());
        std::vector<std::string> distinct = names;
        std::sort(distinct.begin(), distinct.end());
        distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
        if (uid != 0) {
            if (distinct.size() < 2) continue;
            std::vector<Evidence> evidence;
            for (size_t i = 0; i < std::min<size_t>(same.size(), 20); ++i) evidence.push_back(same[i]->passwd->where);
            findings.add(
                "duplicate-uid", Severity::medium,
                "User id " + std::to_string(uid) + " is shared by " + enumerate(names),
                "These accounts are one and the same to the kernel: each can read and change what the others own, "
                "and logs cannot tell them apart. Harmless if the administrator made the alias on purpose.",
                "T1136.001", std::move(evidence));
            continue;
        }
        for (const Account* account : same) {
            if (account->name() == "root") continue;
            auto evidence = account->evidence();
            for (const Account* other : same)
                if (other->name() == "root") evidence.push_back(other->passwd->where);
            findings.add("uid0-twin", Severity::critical, "Account " + account->name() + " has user id 0: it is root",
                         "Whoever logs in as " + account->name() +
                             " has all of root's rights under another name; a classic back door. Harmless only if the "
                             "administrator made this second root account and knows who holds it.",
                         "T1136.001", std::move(evidence));
        }
    }
    for (const auto& [name, same] : by_name) {
        if (same.size() < 2) continue;
        std::vector<Evidence> evidence;
        for (size_t i = 0; i < std::min<size_t>(same.size(), 20); ++i) evidence.push_back(same[i]->passwd->where);
        findings.add("duplicate-name", Severity::medium,
                     "Account name " + std::string(name) + " stands in passwd twice",
                     "Programs use the first line and ignore the rest, so the other line hides from most of them. No "
                     "tool writes this; harmless only as a slip of an editor.",
                     "T1136.001", std::move(evidence));
    }
}

void judge_passwords(const std::vector<Account>& accounts, const Records& records, FindingList& findings) {
    std::map<std::string_view, const GuessedPassword*> guessed; // by hash: the salt makes it the account's own
    for (const auto& guess : records.of<GuessedPassword>()) guessed.try_emplace(guess.hash, &guess);
    for (const Account& account : accounts) {
        const PasswdEntry& entry = account.passwd->value;
        if (entry.compat) continue;
        const bool login = can_log_in(entry);
        if (account.hash.method == HashMethod::none) {
            const Severity severity = entry.uid == 0 ? Severity::critical : login ? Severity::high : Severity::medium;
            findings.add(
                "empty-password", severity, "Account " + account.name() + " has an empty password",
                "Anyone can become " + account.name() +
                    " at a console or with su, and over SSH where PermitEmptyPasswords is set. Harmless only if "
                    "PAM refuses empty passwords (no \"nullok\") everywhere.",
                "T1078.003", account.evidence());
            continue;
        }
        if (account.hash.method > HashMethod::locked && account.shadow == nullptr)
            findings.add(
                "hash-in-passwd", Severity::medium,
                "Account " + account.name() + " keeps its password hash in passwd, readable by everyone",
                "Current tools write hashes to /etc/shadow; a hash in passwd comes from a hand or a script (such "
                "as echo >> /etc/passwd), and every local user can attack it offline. Harmless only on a system "
                "that never used shadow passwords.",
                "T1136.001", account.evidence());
        if (!account.hash.usable()) continue;
        if (const auto found = guessed.find(account.password()); found != guessed.end())
            findings.add(
                "default-password", Severity::critical,
                "Account " + account.name() + " has the default password \"" + found->second->password + "\"",
                "The hash opens with a password from a short list of defaults (or made from the account's own "
                "name), which every botnet tries first. " +
                    std::string(login ? "Nothing makes this harmless where a login with a password can reach the "
                                        "machine."
                                      : "Its shell refuses logins, but su, FTP, mail and port forwarding may "
                                        "still take the password."),
                "T1078.001", account.evidence());
        if (entry.uid != 0 && entry.uid < 1000 && login)
            findings.add(
                "service-login", Severity::high,
                "Service account " + account.name() + " can log in: it has a password and a login shell",
                "Accounts below user id 1000 belong to services and normally have neither; giving one both is a "
                "quiet way to keep a door open. Harmless if the administrator logs in with this account.",
                "T1078.003", account.evidence());
        if (account.hash.weak)
            findings.add(
                "weak-hash", Severity::medium,
                "Account " + account.name() + " has a password hash of an outdated kind (" + account.hash.name + ")",
                "No current system makes such hashes by default: the line was written by hand, by a script, or a "
                "long time ago, and the password can be searched for quickly. Harmless if the account was carried "
                "over from an old system.",
                "T1136.001", account.evidence());
    }
}

void judge_changes(const std::vector<Account>& accounts, const Records& records, unsigned volume,
                   FindingList& findings) {
    std::set<std::string_view> before;
    for (const auto& backup : records.of<BackupAccount>())
        if (backup.where.volume == volume) before.insert(backup.name);
    std::optional<Timestamp> modified;
    for (const auto& shadow : records.of<ShadowChanged>())
        if (shadow.volume == volume) modified = shadow.modified;
    std::vector<std::string> fresh;
    std::vector<Evidence> evidence;
    int64_t latest = 0;
    for (const Account& account : accounts) {
        if (!before.empty() && !before.contains(account.name()) && !account.passwd->value.compat)
            findings.add(
                "added-since-backup", Severity::low,
                "Account " + account.name() + " is in passwd but not in its backup passwd-",
                "The account tools keep the file as it was before their last change: so this account was added "
                "by the latest change, or by hand since. Harmless if its maker is known.",
                "T1136.001", account.evidence());
        if (account.shadow == nullptr || !modified || !account.hash.usable()) continue;
        const auto changed = account.shadow->value.last_change;
        if (!changed || *changed * 86400 < modified->seconds - 8 * 86400) continue;
        fresh.push_back(account.name());
        if (evidence.size() < 20) evidence.push_back(account.shadow->where);
        latest = std::max(latest, *changed);
    }
    if (fresh.empty()) return;
    findings.add(
        "password-changed", Severity::info,
        "Passwords set within the week before shadow was last written: " + enumerate(fresh),
        "shadow records the day of each password's last change. Worth comparing with the time of the incident.",
        "T1098", std::move(evidence), Timestamp{latest * 86400, 0});
}

class Accounts final : public Analyzer {
public:
    std::string_view name() const override { return "accounts"; }

    bool wants(const std::string& path, const FileInfo& info) const override {
        return info.type == FileType::regular &&
               (path == "/etc/passwd" || path == "/etc/shadow" || path == "/etc/passwd-");
    }

    void read(const FileView& file, Records& records) const override {
        if (names_another_file(file)) return;
        if (file.deleted()) { // replaced at every change: joining an old copy would double each account
            file.not_covered("whole file", "deleted copy of an account file: not compared with the living one");
            return;
        }
        const std::string text = file.content(file_limit);
        PasswordGuesser guesser(file);
        if (file.path() == "/etc/passwd-") {
            for (auto& entry : format::parse_passwd(text).entries)
                records.add(BackupAccount{std::move(entry.name), evidence_at(file, entry.at)});
        } else if (file.path() == "/etc/passwd") {
            auto parsed = format::parse_passwd(text);
            for (auto& entry : parsed.entries) {
                if (auto word = guesser.guess(entry.name, entry.password, entry.at))
                    records.add(GuessedPassword{entry.name, entry.password, *word});
                entry.at.text = format::withhold_digest(entry.at.text).substr(0, format::Spot::excerpt_limit);
            }
            add_parsed(file, std::move(parsed), records);
        } else {
            auto parsed = format::parse_shadow(text);
            for (const auto& entry : parsed.entries)
                if (auto word = guesser.guess(entry.name, entry.password, entry.at))
                    records.add(GuessedPassword{entry.name, entry.password, *word});
            add_parsed(file, std::move(parsed), records);
            if (file.info().modified) records.add(ShadowChanged{file.volume(), *file.info().modified});
        }
    }

    void conclude(const CaseView& everything, Findings& findings) const override {
        FindingList list(findings, name());
        std::set<unsigned> volumes;
        for (const auto& entry : everything.records.of<Fact<PasswdEntry>>()) volumes.insert(entry.where.volume);
        for (const unsigned volume : volumes) {
            const auto accounts = join(everything.records, volume);
            judge_identity(accounts, list);
            judge_passwords(accounts, everything.records, list);
            judge_changes(accounts, everything.records, volume, list);
        }
        list.finish();
    }
};

const Accounts instance{};

} // namespace

const Analyzer& accounts_analyzer = instance;

} // namespace kanshiki
