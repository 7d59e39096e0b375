#include "analyze/extract/output_tree.h"

#include "kanshiki/error.h"
#include "unit/support/scratch_folder.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

namespace kanshiki {
namespace {

namespace fs = std::filesystem;

ListedFile named(const std::string& path, FileType type = FileType::regular) {
    ListedFile file;
    file.path = path;
    file.info.type = type;
    file.info.inode = 12;
    return file;
}

// Everything below `folder` is below it, whatever the image's names are.
TEST(OutputTree, HostilePathsStayInside) {
    const test::ScratchFolder scratch;
    const fs::path out = (scratch / "") / "out";
    fs::create_directory(out);
    OutputTree tree(out, false);
    tree.begin({}, "");
    EXPECT_EQ(tree.make_file(named("/..")).name, "files/%2E%2E");
    EXPECT_EQ(tree.make_folder(named("/etc", FileType::directory)), "files/etc");
    EXPECT_EQ(tree.make_file(named("/etc/passwd")).name, "files/etc/passwd");
    // A reader that let a '/' through: no folder of that name was made, so it lies with what is too deep.
    for (const std::string path : {"/etc/../../../escape", "/../../escape2", "/nowhere/file"})
        EXPECT_TRUE(tree.make_file(named(path)).name.starts_with("files/%~deep/")) << path;
    size_t outside = 0;
    for (const auto& each : fs::directory_iterator((scratch / ""))) outside += each.path() != out;
    EXPECT_EQ(outside, 0u);
}

TEST(OutputTree, NamesAreNeverTakenTwice) {
    const test::ScratchFolder scratch;
    OutputTree tree((scratch / ""), false);
    tree.begin({"p1"}, "");
    EXPECT_EQ(tree.make_file(named("/a")).name, "files/p1/a");
    EXPECT_EQ(tree.make_file(named("/a")).name, "files/p1/a%~2") << "a damaged directory";
    ListedFile gone = named("/a");
    gone.deleted = true;
    EXPECT_EQ(tree.make_file(gone).name, "files/p1/a%~deleted-12");
    EXPECT_EQ(tree.make_file(gone).name, "files/p1/a%~deleted-12%~2");
}

TEST(OutputTree, TheFoldersOfADeletedAndALivingOneAreApart) {
    const test::ScratchFolder scratch;
    OutputTree tree((scratch / ""), false);
    tree.begin({}, "");
    tree.make_folder(named("/x", FileType::directory));
    EXPECT_EQ(tree.make_file(named("/x/f")).name, "files/x/f");
    ListedFile gone = named("/x", FileType::directory);
    gone.deleted = true;
    tree.make_folder(gone);
    EXPECT_EQ(tree.make_file(named("/x/f")).name, "files/x%~deleted-12/f");
    EXPECT_EQ(tree.make_file(named("/y")).name, "files/y");
}

TEST(OutputTree, NoLinkIsFollowedAndNothingIsOverwritten) {
    const test::ScratchFolder scratch;
    const fs::path out = (scratch / "") / "out";
    fs::create_directories(out / "files");
    fs::create_directory((scratch / "") / "elsewhere");
    std::ofstream((scratch / "") / "victim") << "v";
    fs::create_symlink((scratch / "") / "victim", out / "files/a");
    fs::create_symlink((scratch / "") / "elsewhere", out / "files/etc");
    {
        OutputTree tree(out, false);
        tree.begin({}, "");
        EXPECT_THROW(tree.make_file(named("/a")), Error);
    }
    OutputTree forced(out, true);
    forced.begin({}, "");
    forced.make_file(named("/a"));
    EXPECT_THROW(forced.make_folder(named("/etc", FileType::directory)), Error) << "a link is no folder";
    EXPECT_EQ(fs::file_size((scratch / "") / "victim"), 1u);
    EXPECT_FALSE(fs::is_symlink(out / "files/a"));
    EXPECT_TRUE(fs::is_empty((scratch / "") / "elsewhere"));
}

TEST(OutputTree, DeepTreesEndSomewhere) {
    const test::ScratchFolder scratch;
    OutputTree tree((scratch / ""), false);
    tree.begin({}, "");
    std::string path;
    for (unsigned depth = 0; depth < 500; depth++) tree.make_folder(named(path += "/d", FileType::directory));
    const std::string name = tree.make_file(named(path + "/file")).name;
    EXPECT_TRUE(name.starts_with("files/%~deep/") && name.ends_with("file")) << name;
    EXPECT_TRUE(fs::exists((scratch / "") / name));
}

} // namespace
} // namespace kanshiki
