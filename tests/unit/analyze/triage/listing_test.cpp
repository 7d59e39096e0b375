#include "kanshiki/listing.h"

#include <gtest/gtest.h>
#include <random>

using namespace kanshiki;

namespace {

ListedFile random_file(std::mt19937_64& dice, const std::string& path) {
    ListedFile file;
    const auto any = [&]() -> uint64_t { return dice() >> dice() % 64; };
    const auto time = [&]() -> std::optional<Timestamp> {
        if (dice() % 4 == 0) return {};
        return Timestamp{static_cast<int64_t>(dice() % 2 ? any() : 0 - any()), static_cast<uint32_t>(any())};
    };
    file.volume = static_cast<unsigned>(any());
    file.name_type = static_cast<FileType>(dice() % 8);
    file.deleted = dice() % 2, file.orphan = dice() % 2, file.known = dice() % 2;
    file.certainty = static_cast<Certainty>(dice() % 3);
    file.handle = any();
    file.path = path;
    FileInfo& info = file.info;
    info.inode = any();
    info.type = static_cast<FileType>(dice() % 8);
    info.mode = static_cast<uint32_t>(any()), info.uid = static_cast<uint32_t>(any());
    info.gid = static_cast<uint32_t>(any()), info.links = static_cast<uint32_t>(any());
    info.size = any();
    info.modified = time(), info.accessed = time(), info.changed = time(), info.created = time();
    if (dice() % 3 == 0) info.changed = info.modified;
    info.deleted = time();
    info.allocated = dice() % 2;
    info.attributes = dice() % 2 ? static_cast<uint32_t>(any()) : 0;
    info.flags = dice() % 2 ? any() : 0;
    info.major = static_cast<uint32_t>(dice() % 2 ? any() : 0), info.minor = static_cast<uint32_t>(any());
    if (dice() % 5 == 0) info.symlink_target = std::string(dice() % 300, '\xfe');
    return file;
}

void expect_equal(const ListedFile& a, const ListedFile& b) {
    ASSERT_EQ(a.path, b.path);
    ASSERT_EQ(std::tie(a.volume, a.name_type, a.deleted, a.orphan, a.known, a.certainty, a.handle),
              std::tie(b.volume, b.name_type, b.deleted, b.orphan, b.known, b.certainty, b.handle));
    const FileInfo &x = a.info, &y = b.info;
    ASSERT_EQ(std::tie(x.inode, x.type, x.mode, x.uid, x.gid, x.links, x.size, x.allocated, x.attributes, x.flags),
              std::tie(y.inode, y.type, y.mode, y.uid, y.gid, y.links, y.size, y.allocated, y.attributes, y.flags));
    ASSERT_EQ(std::tie(x.major, x.minor, x.symlink_target), std::tie(y.major, y.minor, y.symlink_target));
    ASSERT_EQ(x.modified, y.modified);
    ASSERT_EQ(x.accessed, y.accessed);
    ASSERT_EQ(x.changed, y.changed);
    ASSERT_EQ(x.created, y.created);
    ASSERT_EQ(x.deleted, y.deleted);
}

} // namespace

TEST(Listing, GivesBackWhatItWasGiven) {
    std::mt19937_64 dice(1);
    std::vector<ListedFile> files;
    const std::string parts[] = {"/a", "/ab", "/", "//", "/c", "x", "/very-long-name-of-a-directory", ""};
    for (int count = 0; count < 3000; count++) {
        std::string path;
        for (unsigned depth = dice() % 6; depth-- > 0;) path += parts[dice() % std::size(parts)];
        files.push_back(random_file(dice, path));
    }
    files.push_back(random_file(dice, "/" + std::string(3 << 20, 'n'))); // longer than a block
    files.push_back(random_file(dice, "/after"));
    Listing listing;
    EXPECT_TRUE(listing.empty());
    for (const ListedFile& file : files) listing.push_back(file);
    ASSERT_EQ(listing.size(), files.size());
    size_t index = 0;
    for (const ListedFile& file : listing) expect_equal(file, files[index++]);
    EXPECT_EQ(index, files.size());
    for (int count = 0; count < 1000; count++) {
        const size_t place = dice() % files.size();
        expect_equal(listing[place], files[place]);
    }
}

TEST(Listing, AMillionNamesTakeLittle) {
    Listing listing;
    ListedFile file;
    for (unsigned directory = 0; directory < 100; directory++)
        for (unsigned name = 0; name < 1000; name++) {
            file.path =
                "/usr/share/doc/package-" + std::to_string(directory) + "/examples/file-" + std::to_string(name);
            file.handle = file.info.inode = directory * 1000 + name;
            file.info.size = name * 1000;
            file.info.mode = 0644;
            file.info.links = 1;
            file.info.modified = Timestamp{1'700'000'000 + name, 0};
            file.info.changed = file.info.created = file.info.accessed = Timestamp{1'750'000'000, 123'456'789};
            listing.push_back(file);
        }
    EXPECT_EQ(listing[54'321].path, "/usr/share/doc/package-54/examples/file-321");
    EXPECT_LT(listing.memory() / listing.size(), 80u);
}
