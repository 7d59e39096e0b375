// Keys that open an account: authorized_keys in any .ssh folder, and those that sshd_config may keep under /etc/ssh.
// Joined with passwd to name the owner; on a volume of its own /home appears as /alice/.ssh/authorized_keys.

#include "analyze/format/authorized_keys.h"
#include "analyze/artifact/analyzers.h"
#include "analyze/artifact/fact.h"
#include "analyze/format/passwd.h"

#include <algorithm>
#include <set>

namespace kanshiki {

namespace {

using format::AuthorizedKey;
using format::PasswdEntry;

constexpr uint64_t file_limit = 4 << 20;

struct KeyFact {
    AuthorizedKey key;
    Evidence where;
    uint32_t file_uid = 0;
    uint32_t file_mode = 0;
};

struct Owner {
    std::string name;
    uint32_t uid = 0;
    bool known = false; // passwd has the account whose home this is
};

// "/root/.ssh/authorized_keys2" -> "/root"; "/etc/ssh/authorized_keys.d/alice" -> nothing
std::optional<std::string_view> home_of(std::string_view path) {
    const std::string_view folder = folder_of(path);
    if (!folder.ends_with("/.ssh/")) return std::nullopt;
    return folder.substr(0, folder.size() - 6);
}

Owner owner_of(const KeyFact& fact, const Records& records) {
    const auto home = home_of(fact.where.path);
    Owner by_uid;
    for (const auto& account : records.of<Fact<PasswdEntry>>()) {
        const PasswdEntry& entry = account.value;
        if (!home) {
            if (entry.name == base_name(fact.where.path)) return {entry.name, entry.uid, true};
            continue;
        }
        const bool same_volume = account.where.volume == fact.where.volume;
        if (same_volume && entry.home == *home && !entry.home.empty()) return {entry.name, entry.uid, true};
        // /home or /root as a volume of its own: the end of the home directory is all that is left, so the uid must
        // agree
        if (!same_volume && entry.uid == fact.file_uid && !home->empty() && entry.home.ends_with(*home))
            by_uid = {entry.name, entry.uid, true};
    }
    if (by_uid.known) return by_uid;
    const std::string name(home ? base_name(*home) : base_name(fact.where.path));
    return {name.empty() ? "root of the volume" : name, fact.file_uid, false};
}

// cloud-init leaves root a key that only prints "Please login as the user …": it opens nothing.
bool only_prints_advice(const std::string& command) {
    return command.starts_with("echo 'Please login as the user \"") &&
           command.find_first_of("|&`$<>()") == std::string::npos &&
           command.find("';echo;sleep 10") != std::string::npos;
}

std::string restrictions(const AuthorizedKey& key) {
    std::string text;
    for (const char* name : {"command", "from", "expiry-time", "principals"})
        if (const std::string* value = key.option(name))
            text += std::string(", ") + name + "=\"" + value->substr(0, 120) + "\"";
    for (const char* name : {"restrict", "cert-authority"})
        if (key.option(name) != nullptr) text += std::string(", ") + name;
    return text;
}

void judge(const KeyFact& fact, const Owner& owner, FindingList& findings) {
    const AuthorizedKey& key = fact.key;
    const std::string* command = key.option("command");
    const bool authority = key.option("cert-authority") != nullptr;
    const bool root = owner.known ? owner.uid == 0 : fact.file_uid == 0 || owner.name == "root";
    const bool service = owner.known && owner.uid != 0 && owner.uid < 1000;
    Severity severity = root || authority || service ? Severity::high : Severity::medium;
    std::string why =
        "Whoever holds the private half of this key logs in as " + owner.name +
        " without a password, and changing passwords does not stop it. Harmless if the key's holder is known "
        "and should have access: compare the fingerprint with the keys your people and your cloud console use.";
    if (service) why += " The account belongs to a service, which needs no logins.";
    if (authority) why += " As a certificate authority this key admits any number of other keys.";
    if (command != nullptr && only_prints_advice(*command) && !authority) {
        severity = Severity::low;
        why = "cloud-init writes this entry: its forced command only tells people to log in as another user. The key "
              "itself "
              "is the one the instance was started with.";
    } else if (command != nullptr) {
        why += " The forced command limits what the key can do only as far as the command itself cannot be talked into "
               "more.";
    }
    if (fact.where.deleted) {
        severity = Severity::low;
        why += " The file is deleted: the key no longer opens the account, but it did.";
    }
    findings.add(root      ? "root-key"
                 : service ? "service-key"
                           : "user-key",
                 severity,
                 std::string(authority ? "A certificate authority" : "A key") + " opens account " + owner.name + ": " +
                     key.type + " " + key.fingerprint +
                     (key.comment.empty() ? "" : " (" + key.comment.substr(0, 80) + ")") + restrictions(key),
                 why, "T1098.004", {fact.where});
}

class AuthorizedKeys final : public Analyzer {
public:
    std::string_view name() const override { return "authorized-keys"; }

    bool wants(const std::string& path, const FileInfo& info) const override {
        if (info.type != FileType::regular) return false;
        const std::string_view base = base_name(path);
        const bool named = base == "authorized_keys" || base == "authorized_keys2";
        return (named && home_of(path)) || path.starts_with("/etc/ssh/authorized_keys");
    }

    void read(const FileView& file, Records& records) const override {
        if (names_another_file(file)) return;
        auto parsed = format::parse_authorized_keys(file.content(file_limit));
        for (AuthorizedKey& key : parsed.entries) {
            Evidence where = evidence_at(file, key.at);
            records.add(KeyFact{std::move(key), std::move(where), file.info().uid, file.info().mode});
        }
        report_unparsed(file, parsed.unparsed);
    }

    void conclude(const CaseView& everything, Findings& findings) const override {
        FindingList list(findings, name());
        struct Use {
            std::vector<std::string> accounts;
            std::vector<Evidence> evidence;
        };
        std::map<std::string_view, Use> uses;
        std::map<std::pair<unsigned, std::string_view>, Owner> owners;
        for (const KeyFact& fact : everything.records.of<KeyFact>()) {
            const auto [owner, fresh] = owners.try_emplace({fact.where.volume, fact.where.path});
            if (fresh) owner->second = owner_of(fact, everything.records);
            judge(fact, owner->second, list);
            if (fresh && (fact.file_mode & 022) != 0 && !fact.where.deleted)
                list.add(
                    "writable-by-others", Severity::medium,
                    "The keys of " + owner->second.name + " can be changed by other users",
                    "The file's permissions let its group or everyone write to it, so other accounts can add a key. "
                    "sshd refuses such a file unless StrictModes is off.",
                    "T1098.004", {fact.where});
            if (fact.where.deleted) continue;
            Use& use = uses[fact.key.fingerprint];
            if (std::find(use.accounts.begin(), use.accounts.end(), owner->second.name) == use.accounts.end()) {
                use.accounts.push_back(owner->second.name);
                if (use.evidence.size() < 20) use.evidence.push_back(fact.where);
            }
        }
        for (auto& [fingerprint, use] : uses)
            if (use.accounts.size() > 1)
                list.add("shared-key", Severity::low,
                         "The same key opens " + enumerate(use.accounts) + ": " + std::string(fingerprint),
                         "One holder has several accounts. Often an administrator or the cloud image itself; but an "
                         "intruder "
                         "who wants to stay also spreads one key. Harmless if the holder is known.",
                         "T1098.004", std::move(use.evidence));
        list.finish();
    }
};

const AuthorizedKeys instance{};

} // namespace

const Analyzer& authorized_keys_analyzer = instance;

} // namespace kanshiki
