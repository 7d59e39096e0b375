#include "analyze/browse/target.h"

#include "unit/support/scratch_folder.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

namespace kanshiki {
namespace {

TEST(SplitTarget, AtTheFirstColonAfterAnExistingFile) {
    const test::ScratchFolder scratch;
    const std::string top = (scratch / "").parent_path().string();
    std::filesystem::create_directories((scratch / "") / "a:/b");
    std::ofstream((scratch / "") / "disk.img") << "x";
    std::ofstream((scratch / "") / "a:/b/disk:2") << "x";
    const auto split = [](const std::string& words) {
        const Target target = split_target(words);
        return std::pair(target.image, target.path);
    };
    EXPECT_EQ(split(top + "/disk.img"), std::pair(top + "/disk.img", std::string()));
    EXPECT_EQ(split(top + "/disk.img:/etc/a:/b"), std::pair(top + "/disk.img", std::string("/etc/a:/b")));
    EXPECT_EQ(split(top + "/a:/b/disk:2"), std::pair(top + "/a:/b/disk:2", std::string()));
    EXPECT_EQ(split(top + "/a:/b/disk:2:/etc"), std::pair(top + "/a:/b/disk:2", std::string("/etc")));
    EXPECT_EQ(split(top + "/none.img:/etc"), std::pair(top + "/none.img:/etc", std::string()));
    EXPECT_EQ(split(top + "/disk.img:etc"), std::pair(top + "/disk.img:etc", std::string())) << "no path";
    EXPECT_EQ(split("ssh://u@h:22/dev/nvme1n1"), std::pair(std::string("ssh://u@h:22/dev/nvme1n1"), std::string("")));
    EXPECT_EQ(split("ssh://u@h:22/dev/nvme1n1:/etc/x:/y"),
              std::pair(std::string("ssh://u@h:22/dev/nvme1n1"), std::string("/etc/x:/y")));
    EXPECT_EQ(split("ssh://u@h"), std::pair(std::string("ssh://u@h"), std::string("")));
}

} // namespace
} // namespace kanshiki
