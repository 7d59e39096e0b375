#include "analyze/artifact/analyzers.h"
#include "unit/analyze/memory_case.h"

#include <gmock/gmock.h>

using namespace kanshiki;
using test::MemoryCase;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {
const std::string key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF9gsXS3r4IZqwIYApyWeOCtO15tNwkjeNn1v62j58eo x0@vps\n";
const std::string passwd =
    "root:x:0:0::/root:/bin/bash\nsvc:x:200:200::/opt/svc:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/bash\n";
const std::initializer_list<const Analyzer*> both{&accounts_analyzer, &authorized_keys_analyzer};
} // namespace

TEST(AuthorizedKeyFindings, SeverityByOwner) {
    MemoryCase files;
    files.add("/etc/passwd", passwd);
    files.add("/root/.ssh/authorized_keys", "# c\n" + key, 0600);
    files.add("/opt/svc/.ssh/authorized_keys", key, 0600);
    files.add("/home/alice/.ssh/authorized_keys2", "from=\"10.0.0.0/8\" " + key + "junk\n", 0620).info.uid = 1000;
    files.run(both);
    EXPECT_THAT(
        files.summary(),
        ElementsAre(
            "authorized-keys.root-key high /root/.ssh/authorized_keys:2@4",
            "authorized-keys.service-key high /opt/svc/.ssh/authorized_keys:1@0",
            "authorized-keys.shared-key low /home/alice/.ssh/authorized_keys2:1@0 /opt/svc/.ssh/authorized_keys:1@0 "
            "/root/.ssh/authorized_keys:2@4",
            "authorized-keys.user-key medium /home/alice/.ssh/authorized_keys2:1@0",
            "authorized-keys.writable-by-others medium /home/alice/.ssh/authorized_keys2:1@0"));
    EXPECT_THAT(files.find("authorized-keys.root-key")->title,
                HasSubstr("SHA256:Obh1Ua5+SvJSDVPKUqB8cdIdQgPr4r16qWOiWNnW6aE (x0@vps)"));
    EXPECT_THAT(files.find("authorized-keys.user-key")->title, HasSubstr("from=\"10.0.0.0/8\""));
    ASSERT_EQ(files.uncovered.size(), 1u);
    EXPECT_EQ(files.uncovered[0].where, "line 2, byte 106");
}

TEST(AuthorizedKeyFindings, HomeAsItsOwnVolume) {
    MemoryCase files;
    files.add("/etc/passwd", passwd).volume = 1;
    auto& keys = files.add("/alice/.ssh/authorized_keys", key, 0600);
    keys.volume = 2;
    keys.info.uid = 1000;
    files.run(both);
    EXPECT_THAT(files.find("authorized-keys.user-key")->title, HasSubstr("account alice"));
}

TEST(AuthorizedKeyFindings, CloudImagesAdviceIsLowButNothingElseIs) {
    const std::string options = "no-port-forwarding,command=\"echo 'Please login as the user \\\"admin\\\" rather than "
                                "the user \\\"root\\\".';echo;sleep 10;exit 142\" ";
    MemoryCase files;
    files.add("/etc/passwd", passwd);
    files.add("/root/.ssh/authorized_keys", options + key, 0600);
    files.run(both);
    EXPECT_THAT(files.summary(), ElementsAre("authorized-keys.root-key low /root/.ssh/authorized_keys:1@0"));
    MemoryCase faked;
    faked.add("/etc/passwd", passwd);
    faked.add("/root/.ssh/authorized_keys",
              "command=\"echo 'Please login as the user \\\"admin\\\"';echo;sleep 10 | sh\" " + key, 0600);
    faked.run(both);
    EXPECT_THAT(faked.summary(), ElementsAre("authorized-keys.root-key high /root/.ssh/authorized_keys:1@0"));
}
