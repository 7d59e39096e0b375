#include "acquire/source/ssh/uri.h"

#include "kanshiki/error.h"

#include <gtest/gtest.h>

using namespace kanshiki;
using kanshiki::ssh::parse_uri;
using kanshiki::ssh::Uri;

TEST(SshUri, TakesEveryPart) {
    const std::pair<const char*, Uri> table[] = {
        {"ssh://host/dev/sdb", {"", "host", 0, "/dev/sdb"}},
        {"ssh://ec2-user@10.0.0.7/dev/nvme1n1", {"ec2-user", "10.0.0.7", 0, "/dev/nvme1n1"}},
        {"ssh://root@host.example:2222/dev/disk/by-id/x", {"root", "host.example", 2222, "/dev/disk/by-id/x"}},
        {"ssh://[::1]/dev/sdb", {"", "::1", 0, "/dev/sdb"}},
        {"ssh://a@[2001:db8::7]:22/f", {"a", "2001:db8::7", 22, "/f"}},
        {"ssh://[fe80::1%25eth0]/f", {"", "fe80::1%eth0", 0, "/f"}},
        {"ssh://user%40corp@host/f", {"user@corp", "host", 0, "/f"}},
        {"ssh://u@h/a%20b/$(c)'\"%3F%25", {"u", "h", 0, "/a b/$(c)'\"?%"}},
        {"ssh://h/%E9%91%91", {"", "h", 0, "/\xe9\x91\x91"}},
        {"ssh://h:65535/f", {"", "h", 65535, "/f"}},
    };
    for (const auto& [text, expected] : table) EXPECT_EQ(parse_uri(text), expected) << text;
}

TEST(SshUri, RefusesWhatItWouldHaveToGuess) {
    const std::string table[] = {
        "",
        "ssh",
        "ssh:/h/f",
        "http://h/f",
        "SSH://h/f",
        "ssh://",
        "ssh:///dev/sdb",
        "ssh://host",
        "ssh://host/",
        "ssh://host//",
        "ssh://user:secret@host/f",
        "ssh://@host/f",
        "ssh://-oProxyCommand=x@host/f",
        "ssh://-oProxyCommand=x/f",
        "ssh://$(id)@host/f",
        "ssh://a b@host/f",
        "ssh://u;id@host/f",
        "ssh://u%0a@host/f",
        "ssh://u%5c@host/f",
        "ssh://host:0/f",
        "ssh://host:65536/f",
        "ssh://host:/f",
        "ssh://host:22x/f",
        "ssh://host:-1/f",
        "ssh://host:+22/f",
        "ssh://h`id`/f",
        "ssh://h%20x/f",
        "ssh://[::1/f",
        "ssh://[::1]x/f",
        "ssh://[not]/f",
        "ssh://[]/f",
        "ssh://[::1%25]/f",
        "ssh://[::1%25a;b]/f",
        "ssh://::1/f",
        "ssh://h/a%",
        "ssh://h/a%4",
        "ssh://h/a%zz",
        "ssh://h/a%00b",
        "ssh://h/a%0Ab",
        "ssh://h/a\nb",
        "ssh://h/a%7f",
        "ssh://h/a?b",
        "ssh://h/a#b",
        std::string("ssh://h/a\0b", 11),
        "ssh://h/" + std::string(4096, 'x'),
        "ssh://" + std::string(256, 'h') + "/f",
        "ssh://h/" + std::string(100000, '%'),
    };
    for (const std::string& text : table) {
        try {
            parse_uri(text);
            ADD_FAILURE() << "taken: " << text.substr(0, 80);
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::usage) << text.substr(0, 80);
            EXPECT_EQ(std::string(error.what()).find("secret"), std::string::npos) << "the password is shown";
            EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
        }
    }
}
