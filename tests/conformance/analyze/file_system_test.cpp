// What every FileSystem must do. A new reader is one more line in the table of made_images.cpp.
#include "conformance/analyze/made_images.h"

#include <gtest/gtest.h>
#include <thread>

namespace kanshiki {
namespace {

using namespace test;

class AnyFileSystem : public testing::TestWithParam<MadeImage> {
protected:
    AnyFileSystem() : image_(GetParam()), files_(open_whole(image_.source())) {
        if (!files_) throw std::runtime_error("no file system was found");
    }

    // The regular files, each with its true content.
    void each_file(const std::function<void(const std::string&, uint64_t, const std::string&)>& use) {
        for (const auto& [path, entry] : all_names(*files_))
            if (std::filesystem::symlink_status(image_.tree() / path.substr(1)).type() ==
                std::filesystem::file_type::regular)
                use(path, entry.inode, slurp(image_.tree() / path.substr(1)));
    }

    OpenedImage image_;
    std::unique_ptr<FileSystem> files_;
};

ExitCode refusal(const std::function<void()>& what) {
    try {
        what();
        return ExitCode::ok;
    } catch (const Error& error) {
        return error.code();
    }
}

TEST_P(AnyFileSystem, ShowsTheTreeThatWentIn) {
    std::map<std::string, std::string> expected, found; // path -> type and target
    for (const auto& each : std::filesystem::recursive_directory_iterator(image_.tree()))
        expected["/" + each.path().lexically_relative(image_.tree()).string()] =
            each.is_symlink()     ? "symlink " + std::filesystem::read_symlink(each.path()).string()
            : each.is_directory() ? "directory"
                                  : "file " + std::to_string(each.file_size());
    for (const auto& [path, entry] : all_names(*files_)) {
        const FileInfo info = files_->stat(entry.inode);
        EXPECT_TRUE(info.allocated) << path;
        EXPECT_TRUE(entry.type == info.type || entry.type == FileType::unknown) << path;
        EXPECT_EQ(entry.certainty, Certainty::certain) << path;
        found[path] = info.type == FileType::symlink     ? "symlink " + info.symlink_target
                      : info.type == FileType::directory ? "directory"
                                                         : "file " + std::to_string(info.size);
    }
    EXPECT_EQ(found, expected);
    EXPECT_EQ(files_->stat(files_->root()).type, FileType::directory);
}

TEST_P(AnyFileSystem, ListsNoDotsAndNoNameThatIsAPath) {
    std::vector<uint64_t> folders = {files_->root()};
    for (const auto& [path, entry] : all_names(*files_))
        if (entry.type == FileType::directory) folders.push_back(entry.inode);
    unsigned listed = 0;
    for (const uint64_t folder : folders)
        files_->list(folder, [&](const DirectoryEntry& entry) {
            listed++;
            EXPECT_NE(entry.name, ".");
            EXPECT_NE(entry.name, "..");
            EXPECT_FALSE(entry.name.empty());
            EXPECT_EQ(entry.name.find_first_of(std::string_view("/\0", 2)), std::string::npos) << entry.name;
        });
    EXPECT_GE(listed, 12u);
}

TEST_P(AnyFileSystem, ReadsAnyPieceOfAFileAsOfTheWhole) {
    std::mt19937 dice(5);
    each_file([&](const std::string& path, uint64_t handle, const std::string& whole) {
        ASSERT_EQ(content(*files_, handle), whole) << path;
        for (int round = 0; round < 20; round++) {
            const uint64_t offset = dice() % (whole.size() + 5000);
            std::string into(dice() % 70'000, '\x55');
            const size_t got = files_->read(handle, offset, std::as_writable_bytes(std::span(into)));
            const size_t exists = offset < whole.size() ? std::min<size_t>(into.size(), whole.size() - offset) : 0;
            ASSERT_EQ(got, exists) << path << " at " << offset;
            ASSERT_EQ(into.substr(0, got), whole.substr(std::min<size_t>(offset, whole.size()), got))
                << path << " at " << offset;
        }
        std::string into(100, '\0');
        for (const uint64_t offset : {uint64_t{whole.size()}, uint64_t{1} << 40, uint64_t{1} << 63, ~uint64_t{0}})
            EXPECT_EQ(files_->read(handle, offset, std::as_writable_bytes(std::span(into))), 0u)
                << path << " at " << offset;
        EXPECT_EQ(files_->read(handle, 0, {}), 0u) << path;
    });
}

TEST_P(AnyFileSystem, ExtentsHoldTheContentOrItIsInsideTheInode) {
    unsigned with_extents = 0;
    each_file([&](const std::string& path, uint64_t handle, const std::string& whole) {
        const auto extents = files_->extents(handle);
        if (extents.empty()) return;
        with_extents++;
        std::string built(whole.size(), '\0');
        uint64_t end = 0;
        for (const auto& extent : extents) {
            ASSERT_GE(extent.logical, end) << path;
            ASSERT_GT(extent.range.size, 0u) << path;
            end = extent.logical + extent.range.size;
            if (extent.sparse || extent.logical >= whole.size()) continue;
            ASSERT_LE(extent.range.end(), files_->info().range.end()) << path;
            ASSERT_GE(extent.range.offset, files_->info().range.offset) << path;
            const size_t size = std::min<size_t>(extent.range.size, whole.size() - extent.logical);
            Read read{.offset = extent.range.offset,
                      .into = std::as_writable_bytes(std::span(built).subspan(extent.logical, size))};
            image_.source().read(read, {});
        }
        ASSERT_TRUE(built == whole) << path;
    });
    EXPECT_GE(with_extents, 3u);
}

TEST_P(AnyFileSystem, FreeSpaceIsAscendingAndOfNoFile) {
    std::vector<Range> free;
    files_->free_space([&](const Range& range) { free.push_back(range); });
    const Range volume = files_->info().range;
    uint64_t end = volume.offset;
    for (const Range& range : free) {
        ASSERT_GE(range.offset, end);
        ASSERT_GT(range.size, 0u);
        end = range.end();
        ASSERT_LE(end, volume.end());
    }
    if (GetParam().name != std::string("iso9660")) { // it is written once, full
        EXPECT_FALSE(free.empty());
    }
    each_file([&](const std::string& path, uint64_t handle, const std::string&) {
        for (const auto& extent : files_->extents(handle)) {
            if (extent.sparse) continue;
            const auto next =
                std::upper_bound(free.begin(), free.end(), extent.range.offset,
                                 [](uint64_t offset, const Range& range) { return offset < range.end(); });
            EXPECT_TRUE(next == free.end() || next->offset >= extent.range.end()) << path << " is said to be free";
        }
    });
}

TEST_P(AnyFileSystem, AHandleThatIsNoneIsRefused) {
    for (const uint64_t handle : {uint64_t{3'000'000'000}, uint64_t{1} << 45, uint64_t{1} << 63}) {
        std::byte into[16];
        EXPECT_EQ(refusal([&] { files_->stat(handle); }), ExitCode::never_valid) << handle;
        EXPECT_EQ(refusal([&] { files_->list(handle, [](const DirectoryEntry&) {}); }), ExitCode::never_valid)
            << handle;
        EXPECT_EQ(refusal([&] { files_->read(handle, 0, into); }), ExitCode::never_valid) << handle;
        EXPECT_EQ(refusal([&] { files_->extents(handle); }), ExitCode::never_valid) << handle;
        refusal([&] { // where a file system has no attributes, none has any
            files_->xattrs(handle, [&](const Xattr& each) { ADD_FAILURE() << handle << " has " << each.name; });
        });
    }
    const uint64_t last = ~uint64_t{0}; // what a reader may use for folders that it makes up; those are empty
    std::byte into[16];
    unsigned names = 0;
    refusal([&] { files_->list(last, [&](const DirectoryEntry&) { names++; }); });
    EXPECT_EQ(names, 0u);
    refusal([&] { EXPECT_EQ(files_->read(last, 0, into), 0u); });
    refusal([&] { EXPECT_TRUE(files_->extents(last).empty()); });
    refusal([&] { EXPECT_NE(files_->stat(last).type, FileType::regular); });
    EXPECT_EQ(files_->stat(files_->root()).type, FileType::directory) << "and it goes on";
}

TEST_P(AnyFileSystem, WhatHasNoAttributesHasNone) {
    unsigned attributes = 0;
    each_file([&](const std::string&, uint64_t handle, const std::string&) {
        files_->xattrs(handle, [&](const Xattr&) { attributes++; });
    });
    EXPECT_EQ(attributes, 0u);
}

TEST_P(AnyFileSystem, UnreadableSectorsReadAsZerosAndAreTold) {
    uint64_t handle = 0;
    std::string whole;
    each_file([&](const std::string& path, uint64_t each, const std::string& content) {
        if (path == "/file1000001") handle = each, whole = content;
    });
    const auto extents = files_->extents(handle);
    ASSERT_FALSE(extents.empty());
    const Range sector{extents[0].range.offset + 2048, 512};
    Altered spoiled(image_.source());
    spoiled.spoil(sector);
    const auto files = open_whole(spoiled);
    ASSERT_TRUE(files);
    files->take_unreadable();
    std::string expected = whole;
    std::fill_n(expected.begin() + 2048, 512, '\0');
    EXPECT_EQ(content(*files, handle), expected);
    const auto told = files->take_unreadable();
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(told[0].range, sector);
    EXPECT_EQ(told[0].error, EIO);
    EXPECT_TRUE(files->take_unreadable().empty());
}

TEST_P(AnyFileSystem, TwoObjectsOverOneSourceSayTheSameInTwoThreads) {
    std::array<std::map<std::string, std::string>, 2> seen;
    std::array<std::thread, 2> threads;
    for (size_t each = 0; each < 2; each++)
        threads[each] = std::thread([&, each] {
            const auto files = open_whole(image_.source());
            for (const auto& [path, entry] : all_names(*files))
                seen[each][path] = entry.type == FileType::regular ? content(*files, entry.inode) : "";
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(seen[0], seen[1]);
    EXPECT_GE(seen[0].size(), 12u);
}

INSTANTIATE_TEST_SUITE_P(FileSystems, AnyFileSystem, testing::ValuesIn(made_images()),
                         [](const auto& kind) { return kind.param.name; });

} // namespace
} // namespace kanshiki
