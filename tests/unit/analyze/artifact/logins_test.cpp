#include "analyze/artifact/analyzers.h"
#include "unit/analyze/memory_case.h"
#include "unit/analyze/utmp_bytes.h"

#include <gmock/gmock.h>

using namespace kanshiki;
using test::MemoryCase;
using test::utmp_bytes;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

const std::initializer_list<const Analyzer*> logins{&login_logs_analyzer, &ssh_logins_analyzer};

std::string stamp(int minute, int second) { // on the morning of MemoryCase::now
    char text[32];
    std::snprintf(text, sizeof text, "Nov 23 05:%02d:%02d host ", minute, second);
    return text;
}
std::string failed(int minute, int second, const std::string& user, const std::string& address) {
    return stamp(minute, second) + "sshd[1]: Failed password for " + user + " from " + address + " port 4 ssh2\n";
}
std::string accepted(int minute, const std::string& user, const std::string& address,
                     const std::string& method = "password") {
    return stamp(minute, 0) + "sshd[2]: Accepted " + method + " for " + user + " from " + address + " port 4 ssh2\n";
}
constexpr int64_t five = MemoryCase::now - 3600; // 05:00

} // namespace

TEST(SshLogins, GuessingThatSucceeds) {
    std::string log;
    for (int i = 0; i < 40; ++i) log += failed(10, i, i % 2 ? "root" : "invalid user x", "203.0.113.66");
    log +=
        stamp(11, 0) + "sshd[1]: message repeated 3 times: [ Failed password for root from 203.0.113.66 port 4 ssh2]\n";
    const size_t success = log.size();
    log += accepted(12, "root", "203.0.113.66");
    MemoryCase files;
    files.add("/etc/timezone", "Etc/UTC\n");
    files.add("/var/log/auth.log", log, 0640);
    files.run(logins);
    const std::string at = std::to_string(success);
    EXPECT_THAT(
        files.summary(Severity::low),
        ElementsAre("ssh-logins.brute-force-success critical /var/log/auth.log:42@" + at + " /var/log/auth.log:1@0",
                    "ssh-logins.root-password high /var/log/auth.log:42@" + at));
    const Finding* finding = files.find("ssh-logins.brute-force-success");
    EXPECT_THAT(
        finding->title,
        HasSubstr("203.0.113.66 guessed the password of root: login at 2026-11-23 05:12:00 UTC after 43 failures"));
    EXPECT_EQ(finding->attack, "T1110.001");
    EXPECT_EQ(finding->time->seconds, five + 12 * 60);
    EXPECT_EQ(files.records.of<TimelineEvent>().size(), 42u);
}

TEST(SshLogins, GuessingWithoutSuccess) {
    std::string log;
    for (int i = 0; i < 12; ++i) log += failed(10, i, "root", "192.0.2.14");
    log += failed(10, 30, "root", "192.0.2.15"); // one slip of a finger
    log += accepted(12, "admin", "198.51.100.20", "publickey");
    MemoryCase files;
    files.add("/var/log/secure", log);
    files.add("/etc/timezone", "Etc/UTC\n");
    files.run(logins);
    EXPECT_THAT(files.summary(), ElementsAre(HasSubstr("ssh-logins.addresses info"),
                                             "ssh-logins.brute-force low /var/log/secure:1@0 /var/log/secure:12@913"));
}

TEST(SshLogins, AKeyLoginAfterFailuresIsNoGuess) {
    std::string log;
    for (int i = 0; i < 12; ++i) log += failed(10, i, "admin", "198.51.100.20");
    log += accepted(12, "admin", "198.51.100.20", "publickey");
    MemoryCase files;
    files.add("/var/log/auth.log", log);
    files.run(logins);
    EXPECT_EQ(files.find("ssh-logins.brute-force-success"), nullptr);
}

TEST(SshLogins, AnInjectedNameAccusesNobody) {
    std::string log;
    for (int i = 0; i < 20; ++i)
        log += failed(10, i, "invalid user root from 198.51.100.20 port 22 ssh2", "192.0.2.14");
    MemoryCase files;
    files.add("/var/log/auth.log", log);
    files.run(logins);
    EXPECT_THAT(files.find("ssh-logins.brute-force")->title, HasSubstr("192.0.2.14 tried passwords: 20 failures"));
}

TEST(SshLogins, BtmpAndWtmpAloneTellTheSame) {
    std::string btmp, wtmp;
    for (uint64_t i = 0; i < 50; ++i) btmp += utmp_bytes(384, 6, 1, "ssh:notty", "root", "203.0.113.66", five + i, 0);
    wtmp += utmp_bytes(384, 2, 0, "~", "reboot", "6.1.0", five - 100, 0);
    wtmp += utmp_bytes(384, 7, 9, "pts/0", "root", "203.0.113.66", five + 60, 0);
    wtmp += utmp_bytes(384, 8, 9, "pts/0", "", "", five + 90, 0);
    MemoryCase files;
    files.add("/log/btmp", btmp); // /var as its own volume
    files.add("/log/wtmp", wtmp);
    files.run(logins);
    EXPECT_THAT(files.summary(Severity::low),
                ElementsAre("ssh-logins.brute-force-success critical /log/wtmp@384 /log/btmp@0"));
    EXPECT_EQ(files.records.of<TimelineEvent>().size(), 53u);
}

TEST(SshLogins, TheSameTriesInTwoLogsCountOnce) {
    std::string log, btmp;
    for (int i = 0; i < 20; ++i) {
        log += failed(10, i, "root", "192.0.2.14");
        btmp += utmp_bytes(400, 6, 1, "ssh:notty", "root", "192.0.2.14", five + 600 + i, 0);
    }
    MemoryCase files;
    files.add("/var/log/auth.log", log);
    files.add("/var/log/btmp", btmp);
    files.run(logins);
    EXPECT_THAT(files.find("ssh-logins.brute-force")->title, HasSubstr("20 failures, 20 of them within ten minutes"));
}

TEST(SshLogins, ThousandsOfAddressesAreBounded) {
    std::string log;
    for (int address = 0; address < 300; ++address)
        for (int i = 0; i < 12; ++i)
            log += failed(10, i, "root", "10.1." + std::to_string(address / 250) + "." + std::to_string(address % 250));
    MemoryCase files;
    files.add("/var/log/auth.log", log);
    files.run(logins);
    EXPECT_EQ(files.summary(Severity::low).size(), 21u);
}

TEST(LoginLogs, NewAccounts) {
    MemoryCase files;
    files.add("/var/log/auth.log", stamp(1, 0) + "useradd[5]: new user: name=toor, UID=0, GID=0, home=/root\n" +
                                       stamp(2, 0) + "useradd[5]: new user: name=a, UID=1001, GID=1\n");
    files.run(logins);
    EXPECT_THAT(files.summary(Severity::low), ElementsAre("ssh-logins.account-created high /var/log/auth.log:1@0",
                                                          HasSubstr("ssh-logins.account-created low")));
}

TEST(LoginLogs, SignsOfCleaning) {
    MemoryCase files;
    files.add("/etc/timezone", "Etc/UTC\n");
    files.add("/var/log/auth.log", std::string(64, '\0') + accepted(1, "a", "192.0.2.1", "publickey") +
                                       accepted(30, "a", "192.0.2.1", "publickey"));
    files.add("/var/log/wtmp", utmp_bytes(384, 7, 1, "pts/0", "a", "192.0.2.1", five + 61, 0) + std::string(384, '\0') +
                                   utmp_bytes(384, 7, 1, "pts/0", "b", "192.0.2.9", five + 600, 0));
    files.run(logins);
    EXPECT_THAT(files.summary(Severity::low), ElementsAre("login-logs.missing-from-log medium /var/log/wtmp@768",
                                                          "login-logs.nul-bytes medium /var/log/auth.log@0",
                                                          "login-logs.wiped-records high /var/log/wtmp@384"));
}

TEST(LoginLogs, EmptiedWtmp) {
    MemoryCase files;
    files.add("/var/log/auth.log", accepted(30, "a", "192.0.2.1", "publickey"));
    files.add("/var/log/wtmp", "").info.modified = Timestamp{five, 0};
    files.run(logins);
    EXPECT_THAT(files.summary(Severity::low),
                ElementsAre("login-logs.emptied-wtmp medium /var/log/wtmp /var/log/auth.log:1@0"));
}

TEST(LoginLogs, LocalTimeIsSaid) {
    MemoryCase files;
    files.add("/var/log/auth.log", accepted(30, "a", "192.0.2.1", "publickey"));
    files.add_symlink("/etc/localtime", "/usr/share/zoneinfo/Europe/Berlin");
    files.run(logins);
    EXPECT_THAT(files.find("login-logs.local-time")->title, HasSubstr("zone Europe/Berlin"));
}

TEST(LoginLogs, HostileFilesEndUpInTheLedger) {
    MemoryCase files;
    files.add("/var/log/auth.log",
              "no stamp\n" + std::string(1 << 20, 'x') + "\nNov 23 05:00:00 h sshd[1]: \xff\xfe\n");
    files.add("/var/log/auth.log.2.gz", "not gzip");
    files.add("/var/log/auth.log.3.xz", "x");
    files.add("/var/log/wtmp", std::string(1000, '\xff'));
    files.add("/var/log/journal/1/system.journal", "LPKSHHRH");
    files.run(logins);
    EXPECT_THAT(files.findings.size(), testing::Le(1u)); // that times are local
    std::vector<std::string> paths;
    for (const auto& gap : files.uncovered) paths.push_back(gap.path + ": " + gap.where);
    EXPECT_THAT(paths,
                ElementsAre("/var/log/auth.log: line 1, byte 0", "/var/log/auth.log: line 2, byte 9",
                            "/var/log/auth.log: line 2, byte 9", "/var/log/auth.log.2.gz: after 0 inflated bytes",
                            "/var/log/auth.log.3.xz: whole file", "/var/log/journal/1/system.journal: whole file",
                            "/var/log/wtmp: from byte 0", "/var/log/wtmp: byte 768"));
}

TEST(LoginLogs, OtherNamesAreNotLogs) {
    FileInfo info;
    info.type = FileType::regular;
    for (const char* path : {"/var/log/auth.log", "/var/log/auth.log.1", "/var/log/secure-20261122.gz", "/log/wtmp",
                             "/btmp.1", "/var/log/auth.log.old"})
        EXPECT_TRUE(login_logs_analyzer.wants(path, info)) << path;
    for (const char* path : {"/home/a/auth.log", "/var/log/auth.logx", "/var/log/secure.d", "/var/log/sub/wtmp"})
        EXPECT_FALSE(login_logs_analyzer.wants(path, info)) << path;
}
