#include "analyze/artifact/entry/default_passwords.h"

#include "analyze/format/crypt_hash.h"

#include <algorithm>
#include <crypt.h>
#include <cstring>
#include <memory>

namespace kanshiki {

namespace {

// What images, appliances and manuals ship with, and what botnets try first. Short on purpose: this is a check for
// defaults, not a password cracker.
constexpr const char* defaults[] = {
    "password", "admin",     "root",      "toor",      "changeme", "default",   "123456",   "12345678",      "1234",
    "12345",    "123456789", "password1", "Password1", "passw0rd", "P@ssw0rd",  "Passw0rd", "administrator", "guest",
    "test",     "user",      "letmein",   "qwerty",    "welcome",  "welcome1",  "secret",   "pass",          "111111",
    "000000",   "abc123",    "ubuntu",    "debian",    "centos",   "raspberry", "vagrant",  "alpine",        "postgres",
    "oracle",   "mysql",     "tomcat",    "jenkins",   "service",  "support",   "demo",     "nagios",        "zabbix",
    "ansible",  "kali",      "calvin",    "changeit",  "admin123",
};

std::vector<std::string> candidates(const std::string& account) {
    std::vector<std::string> list;
    if (!account.empty() && account.size() <= 64 && account.find('\0') == std::string::npos) {
        std::string capital = account, reversed(account.rbegin(), account.rend());
        if (capital[0] >= 'a' && capital[0] <= 'z') capital[0] = static_cast<char>(capital[0] - 'a' + 'A');
        list = {account, account + "123", account + "1", account + "1234", capital, capital + "123", reversed};
    }
    for (const char* word : defaults) list.emplace_back(word);
    std::vector<std::string> unique;
    for (std::string& word : list)
        if (std::find(unique.begin(), unique.end(), word) == unique.end()) unique.push_back(std::move(word));
    return unique;
}

} // namespace

std::optional<std::string> PasswordGuesser::guess(const std::string& account, const std::string& hash,
                                                  const format::Spot& at) {
    const format::CryptHash kind = format::classify_hash(hash);
    if (!kind.usable()) return std::nullopt;
    const std::string where = "line " + std::to_string(at.line) + ", byte " + std::to_string(at.offset);
    if (kind.too_costly || kind.setting.size() >= CRYPT_OUTPUT_SIZE || kind.setting.find('\0') != std::string::npos) {
        file_.not_covered(where, "password hash (" + kind.name +
                                     ") not tried against default passwords: its parameters cost too much");
        return std::nullopt;
    }
    const auto list = candidates(account);
    const uint64_t cost = kind.cost_us * list.size();
    if (cost > budget_us_ - spent_us_) {
        if (++refused_ <= format::Unparsed::kept)
            file_.not_covered(where, "password hash not tried against default passwords: the work set aside for this "
                                     "file is used up");
        else if (refused_ == format::Unparsed::kept + 1)
            file_.not_covered(where, "this password hash and all that follow were not tried: the work is used up");
        return std::nullopt;
    }
    spent_us_ += cost;
    const auto state = std::make_unique<crypt_data>(); // 32 KiB, zeroed
    for (const std::string& word : list) {
        const char* made = crypt_r(word.c_str(), kind.setting.c_str(), state.get());
        if (made == nullptr || made[0] == '*') {
            file_.not_covered(where, "crypt(3) does not know this password hash (" + kind.name +
                                         "): not tried against default passwords");
            return std::nullopt;
        }
        if (kind.setting == made) return word;
    }
    return std::nullopt;
}

} // namespace kanshiki
