#pragma once
// What the logs say about logins, whatever the file: recorded by login_logs.cpp, judged by ssh_logins.cpp and
// login_logs.cpp.

#include "analyze/format/auth_message.h"
#include "kanshiki/analyzer.h"

#include <memory>

namespace kanshiki {

enum class LogKind : uint8_t { auth, wtmp, btmp };

// One per log file.
struct LogFile {
    LogKind kind = LogKind::auth;
    Evidence where;
    uint64_t size = 0;
    std::optional<Timestamp> modified;
    std::optional<Timestamp> first, last; // of its records
    uint64_t records = 0;
    bool local_time = false; // stamps without a zone and a year: taken as UTC, the year inferred
    uint64_t nul_bytes = 0;  // in a text log
    std::optional<uint64_t> first_nul;
    uint64_t wiped = 0; // wtmp, btmp: records of nothing but zeros
    std::optional<uint64_t> first_wiped;
};

struct LoginFact {
    LogKind log = LogKind::auth;
    format::AuthMessage message; // of wtmp and btmp: accepted, failed
    Timestamp time;
    bool local = false; // wtmp: no remote host
    std::shared_ptr<const Evidence> file;
    uint64_t offset = 0;
    std::optional<uint64_t> line;
    std::string excerpt;

    Evidence where() const {
        Evidence place = *file;
        place.offset = offset;
        place.line = line;
        place.excerpt = excerpt;
        return place;
    }
};

// /etc/timezone, or where /etc/localtime leads
struct TimeZone {
    std::string name;
    Evidence where;
};

// Log stamps without a zone are in local time: the same login as another file tells it, in UTC. Without a known zone,
// any whole quarter of an hour fits.
bool same_moment(const LoginFact& a, const LoginFact& b, bool utc);
bool logs_are_utc(const Records& records); // as far as a zone is known and none is another one

} // namespace kanshiki
