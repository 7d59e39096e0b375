#include "analyze/triage/walk.h"

#include "unit/analyze/triage/model_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <latch>
#include <random>
#include <thread>

using namespace kanshiki;
using namespace kanshiki::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

// Every line that the walk gives out.
class Lines : public WalkSink {
public:
    bool file(const ListedFile& file) override {
        lines.push_back(file.path + " " + std::to_string(file.handle) + " " + std::to_string(file.info.size) +
                        (file.info.type == FileType::directory ? " d" : "") + (file.deleted ? " deleted" : "") +
                        (file.orphan ? " orphan" : "") + (file.known ? "" : " unknown") +
                        (file.info.modified ? " " + std::to_string(file.info.modified->seconds) : ""));
        return lines.size() < most;
    }
    void not_covered(NotCovered&& line) override {
        lines.push_back("! " + line.path + ": " + line.where + ": " + line.why);
    }
    void warning(const std::string& text) override { lines.push_back("! warning: " + text); }
    std::vector<std::string> lines;
    size_t most = SIZE_MAX;
};

std::vector<std::string> walked(const ModelTree& tree, unsigned threads, WalkOptions options = {},
                                size_t most = SIZE_MAX) {
    ModelFiles files(tree);
    Lines sink;
    sink.most = most;
    options.threads = threads;
    walk(files, [&] { return std::make_unique<ModelFiles>(tree); }, 0, options, sink, {});
    return sink.lines;
}

void expect_the_same_for_any_threads(const ModelTree& tree, const WalkOptions& options = {}) {
    const auto one = walked(tree, 1, options);
    for (const unsigned threads : {2u, 3u, 8u})
        for (int turn = 0; turn < 5; turn++) ASSERT_EQ(walked(tree, threads, options), one) << threads;
}

// A tree with everything that can be odd, its shape from the seed.
ModelTree odd_tree(unsigned seed) {
    std::mt19937 dice(seed);
    ModelTree tree;
    std::vector<uint64_t> directories{1};
    tree.directories[1];
    for (uint64_t handle = 2; handle < 3000; handle++) {
        const uint64_t parent = directories[dice() % directories.size()];
        const bool directory = dice() % 4 == 0, deleted = dice() % 20 == 0;
        tree.add(parent, "n" + std::to_string(dice() % 5000), handle,
                 directory ? FileType::directory : FileType::regular, deleted);
        if (directory) directories.push_back(handle);
        if (dice() % 50 == 0) tree.damaged.insert(handle);
        if (dice() % 50 == 0) tree.unreadable[handle] = {{dice() % 100 * 512, 512}, EIO};
        if (dice() % 50 == 0) tree.warnings[handle] = "checksum of " + std::to_string(handle);
        if (dice() % 30 == 0) tree.freed.insert(handle);
        if (dice() % 40 == 0) tree.streams[handle] = {"one", "two"};
        if (dice() % 60 == 0) // a loop or a second link
            tree.add(directories[dice() % directories.size()], "again" + std::to_string(handle),
                     directories[dice() % directories.size()], FileType::directory);
        if (dice() % 90 == 0) tree.add(parent, "nowhere" + std::to_string(handle), 0);
    }
    for (uint64_t handle = 5000; handle < 5040; handle++) {
        const bool directory = handle % 5 == 0;
        tree.orphans.push_back(
            {"orphan" + std::to_string(handle), handle, directory ? FileType::directory : FileType::regular, true});
        tree.freed.insert(handle);
        if (!directory) continue;
        tree.directories[handle];
        tree.add(handle, "below", handle + 1, FileType::regular, true);
        if (handle == 5030) tree.add(handle, "circle", 5035, FileType::directory, true);
        if (handle == 5035) tree.add(handle, "circle", 5030, FileType::directory, true);
    }
    return tree;
}

} // namespace

TEST(Walk, DepthFirstByTheBytesOfNames) {
    ModelTree tree;
    tree.add(1, "b", 3);
    tree.add(1, "a", 2, FileType::directory);
    tree.add(1, "a.", 4);
    tree.add(2, "z", 6);
    tree.add(2, "\xff", 7);
    tree.add(2, "", 8);
    tree.streams[6] = {"s"};
    EXPECT_THAT(walked(tree, 1),
                ElementsAre("/a 2 6 d 2", "/a/ 8 24 8", "/a/z 6 18 6", "/a/z:s 1000006 3000018 1000006",
                            "/a/\xff 7 21 7", "/a. 4 12 4", "/b 3 9 3"));
}

TEST(Walk, ALoopIsToldWhereItsSecondNameStands) {
    ModelTree tree;
    tree.add(1, "a", 2, FileType::directory);
    tree.add(2, "self", 2, FileType::directory);
    tree.add(2, "root", 1, FileType::directory);
    tree.add(1, "x", 2, FileType::directory);
    const auto lines = walked(tree, 1);
    EXPECT_THAT(lines, ElementsAre("/a 2 6 d 2", "/a/root 1 3 d 1", HasSubstr("! /a/root: directory: inode 1 was"),
                                   "/a/self 2 6 d 2", HasSubstr("! /a/self: directory: inode 2 was already listed"),
                                   "/x 2 6 d 2", HasSubstr("! /x: directory: inode 2")));
    expect_the_same_for_any_threads(tree);
}

TEST(Walk, TheSameForAnyNumberOfThreads) {
    for (unsigned seed = 0; seed < 6; seed++) {
        const ModelTree tree = odd_tree(seed);
        const auto one = walked(tree, 1);
        EXPECT_GT(one.size(), 2500u);
        EXPECT_EQ(std::ranges::count_if(one, [](auto& line) { return line.starts_with("/$OrphanFiles/"); }), 42);
        expect_the_same_for_any_threads(tree);
        WalkOptions tight;
        tight.limits.look_ahead = 4096;
        tight.limits.depth = 5;
        tight.limits.path = 40;
        ModelTree calm = tree; // what was read ahead and cut off by the depth has warned too
        calm.warnings.clear();
        expect_the_same_for_any_threads(calm, tight);
    }
}

TEST(Walk, AGiantDirectoryIsReadInPieces) {
    ModelTree tree;
    for (uint64_t index = 0; index < 30'000; index++)
        tree.add(1, "f" + std::to_string(index * 7919 % 30'000), index + 10,
                 index % 1000 == 0 ? FileType::directory : FileType::regular);
    tree.damaged = {77, 10'077};
    tree.unreadable[20'000] = {{512, 512}, EIO};
    const auto one = walked(tree, 1);
    EXPECT_EQ(one.size(), 30'003u);
    expect_the_same_for_any_threads(tree);
    WalkOptions tight;
    tight.limits.look_ahead = 1000;
    expect_the_same_for_any_threads(tree, tight);
    tight.limits.directory = 1000;
    EXPECT_THAT(walked(tree, 2, tight).at(0), HasSubstr("! /: directory: has more than 1000 names"));
}

TEST(Walk, AnUnreadableRangeIsToldForEachNameUpToALimit) {
    ModelTree tree;
    for (uint64_t handle = 10; handle < 30; handle++) {
        tree.add(1, "f" + std::to_string(handle), handle);
        tree.unreadable[handle] = {{1024, 512}, EIO};
    }
    WalkOptions options;
    options.limits.times_told = 3;
    const auto lines = walked(tree, 1, options);
    EXPECT_EQ(lines.size(), 20u + 3 + 1);
    EXPECT_THAT(lines[0], HasSubstr("! /f10: source bytes 1024 to 1535: unreadable ("));
    EXPECT_THAT(lines.back(), HasSubstr("source bytes 1024 to 1535: unreadable: 17 more names depend on it"));
}

TEST(Walk, WhatIsReadAheadIsBounded) {
    ModelTree tree; // 200 directories of 500 names; the walk stands still at its first name
    for (uint64_t directory = 2; directory < 202; directory++) {
        tree.add(1, "d" + std::to_string(directory), directory, FileType::directory);
        for (uint64_t index = 0; index < 500; index++)
            tree.add(directory, "file" + std::to_string(index), directory * 1000 + index);
    }
    class Watch : public Lines {
    public:
        explicit Watch(std::atomic<uint64_t>& lists) : lists_(lists) {}
        bool file(const ListedFile& file) override {
            while (lines.empty() && lists_ < 4) std::this_thread::yield(); // others read on while this one stands
            if (file.info.type == FileType::directory) walked_++;
            most_ahead = std::max(most_ahead, lists_ - walked_);
            return Lines::file(file);
        }
        uint64_t most_ahead = 0;

    private:
        std::atomic<uint64_t>& lists_;
        uint64_t walked_ = 0;
    };
    ModelFiles files(tree);
    Watch sink(*tree.lists);
    WalkOptions options;
    options.threads = 4;
    options.limits.look_ahead = 200'000;
    walk(files, [&] { return std::make_unique<ModelFiles>(tree); }, 0, options, sink, {});
    EXPECT_LE(sink.most_ahead, 15u);
    EXPECT_EQ(sink.lines, walked(tree, 1));
}

TEST(Walk, OtherThreadsReadWhileTheWalkReads) {
    ModelTree tree;
    tree.add(1, "a", 2, FileType::directory);
    tree.add(1, "b", 3, FileType::directory);
    std::latch both(2);
    std::atomic<int> calls = 0;
    tree.before_list = [&] {
        if (calls++ > 0) both.arrive_and_wait(); // hangs unless a and b are read at the same time
    };
    EXPECT_EQ(walked(tree, 2).size(), 2u);
}

TEST(Walk, EndsWithTheSourceAndWithTheSink) {
    ModelTree tree = odd_tree(3);
    const auto some = walked(tree, 8, {}, 100);
    EXPECT_GE(some.size(), 100u);
    EXPECT_TRUE(std::all_of(some.begin() + 100, some.end(), [](auto& line) { return line.starts_with("! "); }));
    tree.lost = 1500;
    for (const unsigned threads : {1u, 8u}) {
        try {
            walked(tree, threads);
            FAIL() << "went on";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ExitCode::source_lost);
        }
    }
}

TEST(Walk, ThreadsThatCannotOpenTheFileSystemChangeNothing) {
    const ModelTree tree = odd_tree(1);
    ModelFiles files(tree);
    Lines sink;
    WalkOptions options;
    options.threads = 4;
    std::atomic<int> calls = 0;
    walk(files,
         [&]() -> std::unique_ptr<FileSystem> {
             if (calls++ % 2 == 0) throw Error(ExitCode::source_lost, "no");
             return nullptr;
         },
         0, options, sink, {});
    EXPECT_EQ(sink.lines, walked(tree, 1));
}

TEST(Walk, FromADirectoryAndNotBelow) {
    ModelTree tree;
    tree.add(1, "a", 2, FileType::directory);
    tree.add(2, "b", 3, FileType::directory);
    tree.add(3, "c", 4);
    WalkOptions options;
    options.start = 2;
    options.path = "/a";
    EXPECT_THAT(walked(tree, 2, options), ElementsAre("/a/b 3 9 d 3", "/a/b/c 4 12 4"));
    options.recursive = false;
    EXPECT_THAT(walked(tree, 2, options), ElementsAre("/a/b 3 9 d 3"));
}
