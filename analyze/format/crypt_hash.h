#pragma once
// The password field of passwd and shadow: crypt(5), and the conventions of shadow(5) and passwd(1) for locking.

#include <cstdint>
#include <string>
#include <string_view>

namespace kanshiki::format {

enum class HashMethod : uint8_t {
    none,   // empty: login without a password
    shadow, // "x": the hash is in /etc/shadow
    locked, // "*", "!", "!!", or anything that no crypt method gives: no password fits
    des,
    bsdi_des,
    md5,
    sha1,
    bcrypt,
    sha256,
    sha512,
    scrypt,
    yescrypt,
    gost_yescrypt,
    nt,
    sun_md5,
};

struct CryptHash {
    HashMethod method = HashMethod::locked;
    bool disabled = false;   // a whole hash behind "!": locked with usermod -L, one character from working again
    bool weak = false;       // cheap enough to be searched exhaustively by today's hardware
    std::string name;        // for people: "SHA-512 crypt"
    std::string setting;     // the string to give to crypt(3) (the whole hash, without the lock)
    uint64_t cost_us = 0;    // rough time of one crypt(3) call; only for budgets
    bool too_costly = false; // its parameters ask for more time or memory than we give to a hash from outside
    bool usable() const { return method > HashMethod::locked && !disabled; }
};

CryptHash classify_hash(std::string_view password);

// Where the digest begins in a password field: behind method, parameters and salt; its size when there is no digest.
size_t digest_begin(std::string_view password);

} // namespace kanshiki::format
