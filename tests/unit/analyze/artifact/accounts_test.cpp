#include "analyze/artifact/analyzers.h"
#include "analyze/artifact/entry/default_passwords.h"
#include "unit/analyze/memory_case.h"

#include <gmock/gmock.h>

using namespace kanshiki;
using test::MemoryCase;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

// openssl passwd -6 -salt abcdefgh WORD, and -1
const std::string changeme =
    "$6$abcdefgh$qxJiXjK0tf4ZjYWJYh.tUf04hCXekze8vUwYRMOJlaFEUS6uMo/UPhWaJVamt3Q/2ZmFqg0pEvm7pAhaqWjFP/";
const std::string strong =
    "$6$abcdefgh$dTmIYmW/LpvGK/iiDSK9zlcKIRJ33.7YE9DETLAR1zX9/2./Fv6/8dFZ1tCs/Kfp//7QeoJfyRWP7XdDzP87j1";
const std::string svc123 = "$1$abcdefgh$5ck2wjYCaBXqmBMc5eD391";

std::vector<std::string> judge(const std::string& passwd, const std::string& shadow,
                               Severity at_least = Severity::info) {
    MemoryCase files;
    files.add("/etc/passwd", passwd);
    files.add("/etc/shadow", shadow, 0640);
    files.run({&accounts_analyzer});
    return files.summary(at_least);
}

} // namespace

TEST(Accounts, OrdinaryAccountsGiveNothing) {
    EXPECT_THAT(judge("root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/usr/sbin:/usr/sbin/nologin\n"
                      "sync:x:4:65534:sync:/bin:/bin/sync\nalice:x:1000:1000::/home/alice:/bin/bash\n",
                      "root:*:19500:0:99999:7:::\ndaemon:*:19500::::::\nsync:*:19500::::::\nalice:" + strong +
                          ":19500:0:99999:7:::\n"),
                IsEmpty());
}

TEST(Accounts, SecondRoot) {
    EXPECT_THAT(judge("root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000::/:/bin/sh\nsupport:x: 00:0::/:/bin/sh\n",
                      "root:*:1::::::\nalice:*:1::::::\nsupport:*:1::::::\n"),
                ElementsAre("accounts.uid0-twin critical /etc/passwd:3@61 /etc/shadow:3@31 /etc/passwd:1@0"));
}

TEST(Accounts, SharedUidAndName) {
    EXPECT_THAT(
        judge("a:x:1000:1::/:/bin/sh\nb:x:1000:1::/:/bin/sh\nc:x:1001:1::/:/bin/sh\nc:x:1002:1::/:/bin/sh\n", ""),
        ElementsAre("accounts.duplicate-name medium /etc/passwd:3@44 /etc/passwd:4@66",
                    "accounts.duplicate-uid medium /etc/passwd:1@0 /etc/passwd:2@22"));
}

TEST(Accounts, EmptyPasswords) {
    EXPECT_THAT(judge("root:x:0:0::/root:/bin/bash\nbob::1000:1::/home/bob:\nftp:x:33:33::/:/usr/sbin/nologin\n",
                      "root::19500::::::\nftp::1::::::\n"),
                ElementsAre("accounts.empty-password critical /etc/passwd:1@0 /etc/shadow:1@0",
                            "accounts.empty-password high /etc/passwd:2@28",
                            "accounts.empty-password medium /etc/passwd:3@52 /etc/shadow:2@18"));
}

TEST(Accounts, DefaultPasswordNamedAndDigestWithheld) {
    MemoryCase files;
    files.add("/etc/passwd", "root:x:0:0::/root:/bin/bash\n");
    files.add("/etc/shadow", "root:" + changeme + ":19500:0:99999:7:::\n");
    files.run({&accounts_analyzer});
    EXPECT_THAT(files.summary(), ElementsAre("accounts.default-password critical /etc/passwd:1@0 /etc/shadow:1@0"));
    const Finding* finding = files.find("accounts.default-password");
    ASSERT_NE(finding, nullptr);
    EXPECT_EQ(finding->attack, "T1078.001");
    EXPECT_THAT(finding->title, HasSubstr("\"changeme\""));
    EXPECT_EQ(finding->evidence[1].excerpt, "root:$6$abcdefgh$[digest withheld]:19500:0:99999:7:::");
}

TEST(Accounts, PasswordMadeFromTheName) {
    EXPECT_THAT(judge("svc:" + svc123 + ":200:200::/opt/svc:/bin/sh\n", "svc:*:1::::::\n"),
                ElementsAre("accounts.default-password critical /etc/passwd:1@0",
                            "accounts.hash-in-passwd medium /etc/passwd:1@0",
                            "accounts.service-login high /etc/passwd:1@0",
                            "accounts.weak-hash medium /etc/passwd:1@0"));
}

TEST(Accounts, LockedPasswordIsNoDoor) {
    EXPECT_THAT(judge("root:x:0:0::/root:/bin/bash\n", "root:!" + changeme + ":19500::::::\n"), IsEmpty());
}

TEST(Accounts, CostlyAndUnknownHashesAreSaidNotTried) {
    MemoryCase files;
    files.add("/etc/passwd", "a:x:1000:1::/:/bin/sh\nb:x:1001:1::/:/bin/sh\n");
    files.add("/etc/shadow", "a:$6$rounds=999999999$salt$digest:1::::::\nb:$2b$10$tooshort:1::::::\n");
    files.run({&accounts_analyzer});
    ASSERT_EQ(files.uncovered.size(), 2u);
    EXPECT_EQ(files.uncovered[0].where, "line 1, byte 0");
    EXPECT_THAT(files.uncovered[0].why, HasSubstr("cost too much"));
    EXPECT_THAT(files.uncovered[1].why, HasSubstr("crypt(3) does not know"));
}

TEST(Accounts, BudgetOfGuessingIsBounded) {
    test::MemoryEntry entry;
    entry.path = "/etc/shadow";
    std::vector<test::Uncovered> uncovered;
    const test::MemoryFile file(entry, uncovered);
    PasswordGuesser guesser(file, 200'000); // about 80 ms are enough for one SHA-512 hash, not for three
    for (uint64_t line = 1; line <= 100; ++line) {
        format::Spot at;
        at.line = line;
        EXPECT_EQ(guesser.guess("x", strong, at), std::nullopt);
    }
    ASSERT_EQ(uncovered.size(), 33u); // 32 places, then one line for the rest
    EXPECT_EQ(uncovered[0].where, "line 3, byte 0");
    EXPECT_THAT(uncovered[0].why, HasSubstr("is used up"));
    EXPECT_THAT(uncovered[32].why, HasSubstr("and all that follow"));
}

TEST(Accounts, AddedSinceTheBackupAndFreshPassword) {
    MemoryCase files;
    files.add("/etc/passwd", "root:x:0:0::/root:/bin/bash\nmallory:x:1001:1001::/home/mallory:/bin/bash\n");
    files.add("/etc/passwd-", "root:x:0:0::/root:/bin/bash\n");
    files.add("/etc/shadow", "root:*:19500::::::\nmallory:" + strong + ":20779:0:99999:7:::\n"); // 2026-11-22
    files.run({&accounts_analyzer});
    EXPECT_THAT(files.summary(), ElementsAre("accounts.added-since-backup low /etc/passwd:2@28 /etc/shadow:2@19",
                                             "accounts.password-changed info /etc/shadow:2@19"));
    EXPECT_EQ(files.find("accounts.password-changed")->time->seconds, 20779 * 86400);
}

TEST(Accounts, VolumesAreNotMixedAndDeletedCopiesNotJoined) {
    MemoryCase files;
    files.add("/etc/passwd", "root:x:0:0::/root:/bin/bash\n").volume = 1;
    files.add("/etc/passwd", "root:x:0:0::/root:/bin/bash\nadmin:x:1000:1::/:/bin/sh\n").volume = 2;
    files.add("/etc/shadow", "root::1::::::\n").volume = 3; // no passwd beside it
    auto& deleted = files.add("/etc/passwd", "ghost:x:0:0::/:/bin/sh\n");
    deleted.deleted = true;
    deleted.info.allocated = false;
    deleted.volume = 2;
    files.add("/var/lib/docker/overlay2/1/diff/etc/passwd", "ghost:x:0:0::/:/bin/sh\n");
    files.run({&accounts_analyzer});
    EXPECT_THAT(files.summary(), IsEmpty());
    ASSERT_EQ(files.uncovered.size(), 1u);
    EXPECT_THAT(files.uncovered[0].why, HasSubstr("deleted copy"));
}

TEST(Accounts, AHostileFileGivesABoundedNumberOfFindings) {
    std::string passwd;
    for (int i = 0; i < 5000; ++i) passwd += "u" + std::to_string(i) + "::0:0\n";
    MemoryCase files;
    files.add("/etc/passwd", passwd);
    files.run({&accounts_analyzer});
    EXPECT_EQ(files.findings.size(), 402u); // two rules, 200 each and one line for the rest
}

TEST(Accounts, UnparsedLinesReachTheLedger) {
    MemoryCase files;
    files.add("/etc/passwd", "root:x:0:0::/root:/bin/bash\nbroken\n");
    files.run({&accounts_analyzer});
    ASSERT_EQ(files.uncovered.size(), 1u);
    EXPECT_EQ(files.uncovered[0].where, "line 2, byte 28");
}
