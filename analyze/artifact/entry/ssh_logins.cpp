// Who came in over SSH, who tried, and whether trying led to coming in. Reads nothing: judges what login_logs.cpp
// recorded.

#include "analyze/artifact/analyzers.h"
#include "analyze/artifact/entry/login_facts.h"
#include "analyze/artifact/fact.h"

#include <algorithm>
#include <set>

namespace kanshiki {

namespace {

using format::AuthKind;

constexpr int64_t window = 600;         // seconds
constexpr uint64_t many_in_window = 10; // failures of one address: no person mistypes so often
constexpr uint64_t many_at_all = 30;
constexpr uint64_t before_success = 5;
constexpr int64_t day = 86400;
constexpr size_t listed_addresses = 20;

struct Failure {
    int64_t time;
    uint64_t times;
    const LoginFact* fact;
};

// Everything about one address.
struct Address {
    std::vector<Failure> failures; // of the log that knows more of them
    std::vector<const LoginFact*> logins;
    std::set<std::string> users, unknown_users; // tried
    uint64_t total = 0, worst = 0;              // failures, and the most within the window
    size_t worst_first = 0;                     // index of its first failure
};

bool by_password(const LoginFact& login) {
    return login.log == LogKind::wtmp || login.message.method.starts_with("password") ||
           login.message.method.starts_with("keyboard-interactive");
}

class Logins {
public:
    Logins(const Records& records, FindingList& findings) : findings_(findings), utc_(logs_are_utc(records)) {
        std::map<std::string, std::vector<Failure>> from_btmp;
        std::vector<const LoginFact*> wtmp;
        for (const LoginFact& fact : records.of<LoginFact>()) {
            if (fact.local || fact.message.address.empty()) continue;
            const AuthKind kind = fact.message.kind;
            if (kind == AuthKind::accepted) {
                if (fact.log == LogKind::wtmp)
                    wtmp.push_back(&fact);
                else
                    addresses_[fact.message.address].logins.push_back(&fact);
            } else if (kind == AuthKind::failed || kind == AuthKind::invalid_user) {
                tried(fact, from_btmp);
            }
        }
        for (const LoginFact* login : wtmp) {
            auto& known = addresses_[login->message.address].logins;
            const bool told = std::any_of(known.begin(), known.end(), [&](const LoginFact* other) {
                return other->message.user == login->message.user && same_moment(*login, *other, utc_);
            });
            if (!told) known.push_back(login);
        }
        for (auto& [name, address] : addresses_) {
            // Where no password was asked for, "Invalid user" lines are all there is of a try.
            if (address.failures.empty()) address.failures = std::move(invalid_[name]);
            if (const auto more = from_btmp.find(name); more != from_btmp.end()) settle(address, more->second);
            count(address);
        }
    }

    void judge() {
        for (const auto& [name, address] : addresses_) {
            guessed(name, address);
            root_by_password(name, address);
        }
        guessing();
        unknown_users();
        who_came();
    }

private:
    void tried(const LoginFact& fact, std::map<std::string, std::vector<Failure>>& from_btmp) {
        const Failure failure{fact.time.seconds, fact.message.times, &fact};
        Address& address = addresses_[fact.message.address];
        if (fact.log == LogKind::btmp) {
            from_btmp[fact.message.address].push_back(failure);
            return;
        }
        (fact.message.unknown_user ? address.unknown_users : address.users).insert(fact.message.user);
        // sshd writes "Invalid user x" and then, where passwords are asked for, "Failed password for invalid user x":
        // one try.
        if (fact.message.kind == AuthKind::invalid_user)
            invalid_[fact.message.address].push_back(failure);
        else
            address.failures.push_back(failure);
    }

    // btmp and the auth log count the same tries: the fuller one is believed.
    static void settle(Address& address, std::vector<Failure>& from_btmp) {
        uint64_t logged = 0;
        for (const Failure& failure : address.failures) logged += failure.times;
        if (from_btmp.size() <= logged) return;
        address.failures = std::move(from_btmp);
        for (const Failure& failure : address.failures)
            if (!address.unknown_users.contains(failure.fact->message.user))
                address.users.insert(failure.fact->message.user);
    }

    static void count(Address& address) {
        std::stable_sort(address.failures.begin(), address.failures.end(),
                         [](const Failure& a, const Failure& b) { return a.time < b.time; });
        uint64_t inside = 0;
        size_t first = 0;
        for (const Failure& failure : address.failures) {
            address.total += failure.times;
            inside += failure.times;
            while (failure.time - address.failures[first].time > window) inside -= address.failures[first++].times;
            if (inside > address.worst) {
                address.worst = inside;
                address.worst_first = first;
            }
        }
        std::stable_sort(address.logins.begin(), address.logins.end(),
                         [](const LoginFact* a, const LoginFact* b) { return a->time < b->time; });
    }

    void guessed(const std::string& name, const Address& address) {
        for (const LoginFact* login : address.logins) {
            if (!by_password(*login)) continue;
            uint64_t before = 0;
            for (const Failure& failure : address.failures)
                if (failure.time <= login->time.seconds && failure.time > login->time.seconds - day)
                    before += failure.times;
            if (before < before_success) continue;
            std::vector<Evidence> evidence{login->where(), address.failures.front().fact->where()};
            std::vector<std::string> later;
            for (const LoginFact* other : address.logins)
                if (other != login && other->time > login->time && evidence.size() < 12) {
                    evidence.push_back(other->where());
                    later.push_back(other->message.user + " at " + utc_text(other->time));
                }
            successful_.insert(name);
            findings_.add("brute-force-success", Severity::critical,
                          name + " guessed the password of " + login->message.user + ": login at " +
                              utc_text(login->time) + " after " + std::to_string(before) + " failures",
                          "One address failed " + std::to_string(before) +
                              " times within a day, and then the same address got in with a "
                              "password. Everything done with this account since then is suspect." +
                              (later.empty() ? std::string() : " It came again as " + enumerate(later) + ".") +
                              " Harmless only if the address is one of your own and somebody or some script there had "
                              "a wrong password.",
                          "T1110.001", std::move(evidence), login->time);
            return;
        }
    }

    void root_by_password(const std::string& name, const Address& address) {
        std::vector<Evidence> evidence;
        const LoginFact* first = nullptr;
        uint64_t times = 0;
        for (const LoginFact* login : address.logins) {
            if (login->message.user != "root" || login->log != LogKind::auth || !by_password(*login)) continue;
            if (++times == 1) first = login;
            if (evidence.size() < 10) evidence.push_back(login->where());
        }
        if (first == nullptr) return;
        findings_.add("root-password", Severity::high,
                      "root logged in with a password from " + name +
                          (times > 1 ? ", " + std::to_string(times) + " times" : "") + ", first at " +
                          utc_text(first->time),
                      "A password login of root leaves no trace of which person it was, and is what guessing aims at. "
                      "Harmless if an "
                      "administrator works this way from this address.",
                      "T1078.003", std::move(evidence), first->time);
    }

    void guessing() {
        std::vector<std::pair<const std::string*, const Address*>> noisy;
        for (const auto& [name, address] : addresses_)
            if (!successful_.contains(name) && (address.worst >= many_in_window || address.total >= many_at_all))
                noisy.emplace_back(&name, &address);
        std::stable_sort(noisy.begin(), noisy.end(),
                         [](const auto& a, const auto& b) { return a.second->total > b.second->total; });
        uint64_t rest = 0;
        for (size_t i = 0; i < noisy.size(); ++i) {
            const Address& address = *noisy[i].second;
            if (i >= listed_addresses) {
                rest += address.total;
                continue;
            }
            std::vector<std::string> users(address.users.begin(), address.users.end());
            users.insert(users.end(), address.unknown_users.begin(), address.unknown_users.end());
            findings_.add(
                "brute-force", address.total >= 100 ? Severity::medium : Severity::low,
                *noisy[i].first + " tried passwords: " + std::to_string(address.total) + " failures, " +
                    std::to_string(address.worst) + " of them within ten minutes",
                "From " + utc_text(address.failures.front().fact->time) + " to " +
                    utc_text(address.failures.back().fact->time) + ", user names: " + enumerate(users, 8) +
                    ". No login with a password from this address is recorded after "
                    "these failures. Machines on the internet see this every day; it matters if a login from elsewhere "
                    "follows.",
                "T1110.001",
                {address.failures[address.worst_first].fact->where(), address.failures.back().fact->where()},
                address.failures.front().fact->time);
        }
        if (noisy.size() > listed_addresses)
            findings_.add(
                "brute-force", Severity::low,
                std::to_string(noisy.size() - listed_addresses) +
                    " more addresses tried passwords: " + std::to_string(rest) + " failures",
                "Only the addresses with the most failures are listed one by one. The timeline holds every try.",
                "T1110.001", {});
    }

    void unknown_users() {
        std::set<std::string> names;
        size_t addresses = 0;
        for (const auto& [name, address] : addresses_) {
            names.insert(address.unknown_users.begin(), address.unknown_users.end());
            addresses += !address.unknown_users.empty();
        }
        if (names.empty()) return;
        findings_.add("unknown-users", Severity::info,
                      std::to_string(names.size()) + " user names that do not exist were tried from " +
                          std::to_string(addresses) + (addresses == 1 ? " address" : " addresses"),
                      "Among them: " + enumerate({names.begin(), names.end()}, 12) +
                          ". A name that only an insider would know is worth a "
                          "second look.",
                      "T1110.001", {});
    }

    void who_came() {
        struct Visits {
            std::map<std::string, uint64_t> from;
            std::vector<Evidence> evidence;
        };
        std::map<std::string, Visits> users;
        for (const auto& [name, address] : addresses_)
            for (const LoginFact* login : address.logins) {
                Visits& visits = users[login->message.user];
                if (++visits.from[name] == 1 && visits.evidence.size() < 20) visits.evidence.push_back(login->where());
            }
        for (auto& [user, visits] : users) {
            std::vector<std::string> from;
            for (const auto& [name, times] : visits.from) from.push_back(name + " (" + std::to_string(times) + ")");
            findings_.add(
                "addresses", visits.from.size() >= 3 ? Severity::low : Severity::info,
                user + " logged in from " + std::to_string(visits.from.size()) +
                    (visits.from.size() == 1 ? " address: " : " addresses: ") + enumerate(from, 6),
                "Compare with where the account's owner works. Each evidence line is the first login from one address.",
                "T1021.004", std::move(visits.evidence));
        }
    }

    FindingList& findings_;
    bool utc_;
    std::map<std::string, Address> addresses_;
    std::map<std::string, std::vector<Failure>> invalid_;
    std::set<std::string> successful_;
};

void judge_accounts(const Records& records, FindingList& findings) {
    for (const LoginFact& fact : records.of<LoginFact>()) {
        if (fact.message.kind != AuthKind::account_created) continue;
        const bool root = fact.message.detail.find("UID=0,") != std::string::npos;
        findings.add(
            "account-created", root ? Severity::high : Severity::low,
            "Account " + fact.message.user + " was created at " + utc_text(fact.time) + (root ? " with user id 0" : ""),
            "The account tools wrote this to the log. Harmless if an administrator or a package made the account.",
            "T1136.001", {fact.where()}, fact.time);
    }
}

class SshLogins final : public Analyzer {
public:
    std::string_view name() const override { return "ssh-logins"; }
    bool wants(const std::string&, const FileInfo&) const override { return false; }
    void read(const FileView&, Records&) const override {}
    void conclude(const CaseView& everything, Findings& findings) const override {
        FindingList list(findings, name());
        Logins(everything.records, list).judge();
        judge_accounts(everything.records, list);
        list.finish();
    }
};

const SshLogins instance{};

} // namespace

const Analyzer& ssh_logins_analyzer = instance;

} // namespace kanshiki
