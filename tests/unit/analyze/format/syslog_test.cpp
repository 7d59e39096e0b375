#include "analyze/format/auth_message.h"
#include "analyze/format/gunzip.h"
#include "analyze/format/syslog.h"

#include <gtest/gtest.h>
#include <zlib.h>

using namespace kanshiki::format;

TEST(Syslog, Rfc3164) {
    const auto line = parse_syslog("Nov  3 05:52:11 host sshd[12]: Failed password for root");
    ASSERT_TRUE(line);
    EXPECT_FALSE(line->seconds);
    EXPECT_EQ(line->month, 11);
    EXPECT_EQ(line->day, 3);
    EXPECT_EQ(line->host, "host");
    EXPECT_EQ(line->program, "sshd");
    EXPECT_EQ(line->pid, 12u);
    EXPECT_EQ(line->message, "Failed password for root");
    EXPECT_EQ(parse_syslog("Nov 23 05:52:11 h sudo:   a : TTY=x")->program, "sudo");
    EXPECT_EQ(parse_syslog("Nov 23 05:52:11 h su: (to root) a on pts/0")->message, "(to root) a on pts/0");
}

TEST(Syslog, Rfc3339And5424) {
    const auto line = parse_syslog("2026-11-23T06:52:11.123456+01:00 host sshd[1]: text");
    ASSERT_TRUE(line);
    EXPECT_EQ(line->seconds, utc_seconds(2026, 11, 23, 5, 52, 11));
    EXPECT_EQ(line->nanoseconds, 123456000u);
    EXPECT_EQ(parse_syslog("2026-11-23T05:52:11Z h a: b")->seconds, utc_seconds(2026, 11, 23, 5, 52, 11));
    const auto full = parse_syslog("<38>1 2026-11-23T05:52:11.5Z host sshd 77 ID47 [x@1 a=\"]\\\"\"][y] \xef\xbb\xbf"
                                   "Accepted it");
    ASSERT_TRUE(full);
    EXPECT_EQ(full->program, "sshd");
    EXPECT_EQ(full->pid, 77u);
    EXPECT_EQ(full->message, "Accepted it");
    EXPECT_EQ(parse_syslog("1 2026-11-23T05:52:11Z h p - - - m")->message, "m");
}

TEST(Syslog, WhatHasNoTimeIsNoLine) {
    for (const char* text :
         {"", "Nov", "Nov 23", "Nov 32 05:52:11 h a: b", "Foo 23 05:52:11 h a: b", "Nov 23 25:52:11 h a: b", "<38",
          "2026-13-01T00:00:00Z h a: b", "1 ", "2026-11-23T05:52:11+0h h", "Nov 23 05:52:11"})
        EXPECT_FALSE(parse_syslog(text)) << text;
    EXPECT_TRUE(parse_syslog("Nov 23 05:52:11 "));
    EXPECT_TRUE(parse_syslog("Nov 23 05:52:11 h sshd[99999999999999999999999999]: x"));
    EXPECT_TRUE(parse_syslog("Nov 23 05:52:11 h " + std::string(1 << 20, '[')));
}

TEST(Syslog, CivilTime) {
    EXPECT_EQ(utc_seconds(1970, 1, 1, 0, 0, 0), 0);
    EXPECT_EQ(utc_seconds(2000, 2, 29, 12, 0, 0), 951825600);
    EXPECT_EQ(utc_seconds(2026, 11, 23, 6, 0, 0), 1795413600);
}

TEST(YearKeeper, CountsBackFromTheLastLine) {
    const auto years = [](std::initializer_list<const char*> stamps, int64_t modified) {
        YearKeeper keeper;
        std::vector<int> relative;
        for (const char* stamp : stamps)
            relative.push_back(keeper.relative_year(*parse_syslog(std::string(stamp) + " 00:00:00 h p: m")));
        std::vector<int64_t> result;
        for (const int year : relative) result.push_back(keeper.first_year(modified) + year);
        return result;
    };
    const int64_t jan_2026 = utc_seconds(2026, 1, 10, 0, 0, 0);
    EXPECT_EQ(years({"Nov 30", "Dec 31", "Jan  1", "Jan 10"}, jan_2026),
              (std::vector<int64_t>{2025, 2025, 2026, 2026}));
    EXPECT_EQ(years({"Dec 31"}, jan_2026), (std::vector<int64_t>{2025})); // rotated early in the new year
    EXPECT_EQ(years({"Jan 11"}, jan_2026), (std::vector<int64_t>{2026})); // a zone ahead of UTC
    EXPECT_EQ(years({"Mar  3", "Mar  2", "Mar  3"}, jan_2026),
              (std::vector<int64_t>{2025, 2025, 2025})); // the clock was set back
    EXPECT_EQ(years({"Mar  3", "Feb  1", "Jan 10"}, jan_2026), (std::vector<int64_t>{2024, 2025, 2026}));
}

TEST(AuthMessage, Sshd) {
    auto message = parse_auth_message(
        "sshd", "Accepted publickey for admin from 198.51.100.20 port 51770 ssh2: ED25519 SHA256:abc");
    ASSERT_TRUE(message);
    EXPECT_EQ(message->kind, AuthKind::accepted);
    EXPECT_EQ(message->user, "admin");
    EXPECT_EQ(message->address, "198.51.100.20");
    EXPECT_EQ(message->port, 51770);
    EXPECT_EQ(message->method, "publickey ED25519 SHA256:abc");
    message = parse_auth_message("sshd-session", "Failed password for invalid user x from 2001:db8::1 port 22 ssh2");
    EXPECT_TRUE(message->unknown_user);
    EXPECT_EQ(message->address, "2001:db8::1");
    message =
        parse_auth_message("sshd", "message repeated 5 times: [ Failed password for root from 192.0.2.1 port 9 ssh2]");
    EXPECT_EQ(message->times, 5u);
    EXPECT_EQ(message->user, "root");
    message = parse_auth_message("sshd", "Invalid user  from 192.0.2.1 port 9");
    EXPECT_EQ(message->user, "");
}

// The user name is the attacker's: it must not become the address, nor a login.
TEST(AuthMessage, InjectedNames) {
    auto message = parse_auth_message(
        "sshd",
        "Failed password for invalid user root from 198.51.100.20 port 22 ssh2 from 192.0.2.14 port 40022 ssh2");
    ASSERT_TRUE(message);
    EXPECT_EQ(message->address, "192.0.2.14");
    EXPECT_EQ(message->user, "root from 198.51.100.20 port 22 ssh2");
    message = parse_auth_message(
        "sshd", "Invalid user x: Accepted password for root from 192.0.2.99 port 1 ssh2 from 192.0.2.14 port 2");
    EXPECT_EQ(message->kind, AuthKind::invalid_user);
    EXPECT_EQ(message->address, "192.0.2.14");
}

TEST(AuthMessage, HostileForms) {
    for (const char* text :
         {"", "Accepted", "Accepted password for", "Failed password for root", "Failed password for root from",
          "Invalid user a from ;;", "message repeated", "message repeated x times: [ a]",
          "message repeated 5 times: [ message repeated 5 times: [ Failed password for a from 1.1.1.1 port 1 ssh2]]"})
        EXPECT_FALSE(parse_auth_message("sshd", text)) << text;
    EXPECT_EQ(
        parse_auth_message(
            "sshd", "message repeated 18446744073709551615 times: [ Failed none for a from 1.1.1.1 port 99999999 ssh2]")
            ->times,
        1'000'000u);
    EXPECT_FALSE(parse_auth_message("other", "Failed password for root from 192.0.2.1 port 9 ssh2"));
}

TEST(AuthMessage, SudoSuAndAccounts) {
    auto message = parse_auth_message("sudo", "  alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/sh -c x");
    ASSERT_TRUE(message);
    EXPECT_EQ(message->actor, "alice");
    EXPECT_EQ(message->user, "root");
    EXPECT_EQ(message->detail, "/bin/sh -c x");
    message = parse_auth_message("su", "FAILED SU (to root) bob on pts/1");
    EXPECT_EQ(message->kind, AuthKind::su_failed);
    EXPECT_EQ(message->actor, "bob");
    message = parse_auth_message("useradd", "new user: name=toor, UID=0, GID=0");
    EXPECT_EQ(message->kind, AuthKind::account_created);
    EXPECT_EQ(message->user, "toor");
    message = parse_auth_message("passwd", "pam_unix(passwd:chauthtok): password changed for root");
    EXPECT_EQ(message->user, "root");
}

namespace {

std::string gzip(const std::string& text) {
    z_stream stream{};
    deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(deflateBound(&stream, text.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

std::pair<Gunzipped, std::string> inflate_in_pieces(std::string_view bytes, size_t piece, uint64_t limit) {
    std::string text;
    auto done = gunzip(
        [&] {
            const auto next = bytes.substr(0, piece);
            bytes.remove_prefix(next.size());
            return next;
        },
        limit, [&](std::string_view part) { text += part; });
    return {done, text};
}

} // namespace

TEST(Gunzip, MembersInAnyPieces) {
    const std::string both = gzip("first line\n") + gzip(std::string(200000, 'x'));
    for (const size_t piece : {size_t{1}, size_t{7}, both.size()}) {
        const auto [done, text] = inflate_in_pieces(both, piece, 1 << 20);
        EXPECT_TRUE(done.complete) << done.why;
        EXPECT_EQ(text, "first line\n" + std::string(200000, 'x'));
    }
}

TEST(Gunzip, TruncatedDamagedAndBombs) {
    const std::string whole = gzip(std::string(300000, 'x') + "end");
    const auto [cut, partly] = inflate_in_pieces(std::string_view(whole).substr(0, whole.size() / 2), 100, 1 << 20);
    EXPECT_FALSE(cut.complete);
    EXPECT_EQ(cut.why, "the gzip data end in the middle");
    EXPECT_EQ(partly, std::string(partly.size(), 'x'));
    const auto [bomb, limited] = inflate_in_pieces(whole, 100, 1000);
    EXPECT_EQ(limited.size(), 1000u);
    EXPECT_EQ(bomb.why, "inflates to more than 1000 bytes");
    EXPECT_FALSE(inflate_in_pieces("not gzip at all", 4, 1000).first.complete);
    EXPECT_TRUE(inflate_in_pieces("", 4, 1000).first.complete);
}
