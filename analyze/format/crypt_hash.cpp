#include "analyze/format/crypt_hash.h"

#include "analyze/format/lines.h"

#include <algorithm>
#include <array>

namespace kanshiki::format {

namespace {

constexpr std::string_view itoa64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr uint64_t cost_limit_us = 250'000;

struct Method {
    std::string_view prefix;
    HashMethod method;
    std::string_view name;
    bool weak;
};
// crypt(5), "AVAILABLE HASHING METHODS"
constexpr std::array methods{
    Method{"$y$", HashMethod::yescrypt, "yescrypt", false},
    Method{"$gy$", HashMethod::gost_yescrypt, "gost-yescrypt", false},
    Method{"$7$", HashMethod::scrypt, "scrypt", false},
    Method{"$6$", HashMethod::sha512, "SHA-512 crypt", false},
    Method{"$5$", HashMethod::sha256, "SHA-256 crypt", false},
    Method{"$2a$", HashMethod::bcrypt, "bcrypt", false},
    Method{"$2b$", HashMethod::bcrypt, "bcrypt", false},
    Method{"$2x$", HashMethod::bcrypt, "bcrypt", false},
    Method{"$2y$", HashMethod::bcrypt, "bcrypt", false},
    Method{"$sha1", HashMethod::sha1, "SHA-1 crypt", true},
    Method{"$md5", HashMethod::sun_md5, "SunMD5", true},
    Method{"$1$", HashMethod::md5, "MD5 crypt", true},
    Method{"$3$", HashMethod::nt, "NT hash", true},
    Method{"_", HashMethod::bsdi_des, "BSDi DES crypt", true},
};

// The times are of libxcrypt 4.4.33 on a 2020s server core, rounded up; parameters come from outside, so whatever is
// out of the ordinary counts as too costly rather than being tried.
void set_cost(CryptHash& hash) {
    constexpr uint64_t refuse = UINT64_MAX;
    const std::string_view text = hash.setting;
    switch (hash.method) {
    case HashMethod::des:
    case HashMethod::nt:
        hash.cost_us = 10;
        break;
    case HashMethod::md5:
        hash.cost_us = 150;
        break;
    case HashMethod::sha256:
    case HashMethod::sha512: {
        uint64_t rounds = 5000;
        constexpr std::string_view key = "rounds=";
        if (text.substr(3).starts_with(key)) {
            const std::string_view number = text.substr(3 + key.size(), text.find('$', 3) - 3 - key.size());
            rounds = std::max<uint64_t>(decimal(number).value_or(refuse), 1000);
        }
        hash.cost_us = rounds > 1'000'000 ? refuse : rounds * 3 / 10;
        break;
    }
    case HashMethod::bcrypt: {
        const auto log_rounds = text.size() > 7 && text[6] == '$' ? decimal(text.substr(4, 2)) : std::nullopt;
        hash.cost_us = log_rounds && *log_rounds < 20 ? 50ULL << *log_rounds : refuse;
        break;
    }
    case HashMethod::yescrypt:
    case HashMethod::gost_yescrypt: {
        // Three parameter characters: flavour j, log2(N) - 1, r - 1 (crypt_gensalt makes no others); memory 128·N·r.
        const std::string_view parameters = text.substr(text.find('$', 1) + 1);
        const size_t log_n = parameters.size() > 3 ? itoa64.find(parameters[1]) + 1 : 0;
        const size_t r = parameters.size() > 3 ? itoa64.find(parameters[2]) + 1 : 0;
        const bool plain = parameters.size() > 3 && parameters[0] == 'j' && parameters[3] == '$';
        hash.cost_us = plain && log_n >= 1 && log_n <= 14 && r >= 1 && r <= 32 ? (r << log_n) / 6 + 10 : refuse;
        break;
    }
    default:
        hash.cost_us = refuse; // scrypt, SunMD5, SHA-1 and BSDi carry iteration counts and are rare on Linux
    }
    hash.too_costly = hash.cost_us > cost_limit_us;
}

bool is_des(std::string_view text) {
    return text.size() == 13 &&
           std::all_of(text.begin(), text.end(), [](char c) { return itoa64.find(c) != itoa64.npos; });
}

} // namespace

CryptHash classify_hash(std::string_view password) {
    CryptHash hash;
    if (password.empty()) {
        hash.method = HashMethod::none;
        hash.name = "none";
        return hash;
    }
    if (password == "x") {
        hash.method = HashMethod::shadow;
        hash.name = "in /etc/shadow";
        return hash;
    }
    hash.name = "locked";
    const size_t marks = password.find_first_not_of("!*");
    if (marks == std::string_view::npos) return hash;
    hash.disabled = marks > 0;
    password.remove_prefix(marks);
    hash.setting = password;
    if (is_des(password)) {
        hash.method = HashMethod::des;
        hash.name = "DES crypt";
        hash.weak = true;
    }
    for (const Method& method : methods) {
        // At least something must follow the salt, else no password can ever give this string.
        if (!password.starts_with(method.prefix) || digest_begin(password) >= password.size()) continue;
        hash.method = method.method;
        hash.name = method.name;
        hash.weak = method.weak;
        break;
    }
    if (hash.method > HashMethod::locked) set_cost(hash);
    return hash;
}

size_t digest_begin(std::string_view password) {
    const size_t marks = std::min(password.find_first_not_of("!*"), password.size());
    const std::string_view text = password.substr(marks);
    if (is_des(text)) return marks + 2;
    if (text.starts_with('_')) return text.size() == 20 ? marks + 9 : password.size();
    if (!text.starts_with('$')) return password.size();
    if (text.starts_with("$2") && text.size() > 29) return marks + 29; // salt and digest of bcrypt run together
    return marks + text.rfind('$') + 1; // when nothing follows, this is the size: no digest
}

} // namespace kanshiki::format
