#include "support/folder.h"

#include "kanshiki/chunk_list.h"
#include "kanshiki/error.h"

#include <csignal>
#include <cstring>
#include <sys/resource.h>

namespace kanshiki {
namespace {

using test::Folder;

Digest numbered(uint64_t i) {
    Digest out{};
    std::memcpy(out.data(), &i, sizeof i);
    out[31] = std::byte{0x5a};
    return out;
}

ExitCode code_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& e) {
        EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos);
        return e.code();
    }
    return ExitCode::ok;
}

TEST(ChunkList, WhatIsAppendedIsReadBackOverManyPages) {
    const Folder folder;
    {
        ChunkListWriter writer(folder / "c", 0);
        for (uint64_t i = 0; i < 20'000; ++i) writer.append(numbered(i), 1);
        writer.append(numbered(77), 9'000);
        EXPECT_EQ(writer.size(), 29'000u);
        writer.sync();
    }
    EXPECT_EQ(std::filesystem::file_size(folder / "c"), 29'000u * 32);
    ChunkListReader reader(folder / "c");
    ASSERT_EQ(reader.size(), 29'000u);
    for (uint64_t i : {0u, 1u, 2047u, 2048u, 19'999u}) EXPECT_EQ(reader[i], numbered(i)) << i;
    for (uint64_t i : {20'000u, 28'999u, 20'000u}) EXPECT_EQ(reader[i], numbered(77)) << i;
    EXPECT_EQ(code_of([&] { reader[29'000]; }), ExitCode::altered);
    EXPECT_EQ(code_of([&] { reader[~uint64_t{0}]; }), ExitCode::altered);
}

TEST(ChunkList, KeepCutsOffWhatLiesBeyond) {
    const Folder folder;
    {
        ChunkListWriter writer(folder / "c", 0);
        for (uint64_t i = 0; i < 10; ++i) writer.append(numbered(i), 1);
        writer.sync();
    }
    {
        ChunkListWriter writer(folder / "c", 4);
        EXPECT_EQ(writer.size(), 4u);
        EXPECT_EQ(std::filesystem::file_size(folder / "c"), 4u * 32);
        writer.append(numbered(100), 1);
        writer.sync();
    }
    ChunkListReader reader(folder / "c");
    ASSERT_EQ(reader.size(), 5u);
    EXPECT_EQ(reader[3], numbered(3));
    EXPECT_EQ(reader[4], numbered(100));
    EXPECT_EQ(code_of([&] { ChunkListWriter(folder / "c", 6); }), ExitCode::altered)
        << "fewer leaves than are to be kept";
    EXPECT_EQ(std::filesystem::file_size(folder / "c"), 5u * 32) << "and nothing was changed";
}

TEST(ChunkList, ANewListReplacesAReadOnlyOne) {
    const Folder folder;
    test::put(folder / "c", std::string(64, 'x'));
    std::filesystem::permissions(folder / "c", std::filesystem::perms::owner_read);
    ChunkListWriter writer(folder / "c", 0);
    writer.append(numbered(1), 1);
    writer.sync();
    EXPECT_EQ(ChunkListReader(folder / "c").size(), 1u);
}

TEST(ChunkList, AListOfOddSizeOrNoFileIsRefused) {
    const Folder folder;
    test::put(folder / "odd", std::string(33, 'x'));
    EXPECT_EQ(code_of([&] { ChunkListReader reader(folder / "odd"); }), ExitCode::never_valid);
    EXPECT_EQ(code_of([&] { ChunkListReader reader(folder / "none"); }), ExitCode::never_valid);
    EXPECT_EQ(code_of([&] { ChunkListReader reader(folder.path()); }), ExitCode::never_valid);
}

TEST(ChunkList, AListThatShrinksUnderTheReaderIsNoticed) {
    const Folder folder;
    test::put(folder / "c", std::string(32 * 5000, 'x'));
    ChunkListReader reader(folder / "c");
    std::filesystem::resize_file(folder / "c", 32 * 4999);
    EXPECT_EQ(code_of([&] { reader[4999]; }), ExitCode::altered);
    EXPECT_EQ(code_of([&] { reader[4998]; }), ExitCode::ok);
}

// A file size limit stands for the full disk: the same short write, then an error.
TEST(ChunkList, AfterAFailedWriteTheSameLeavesCanBeWrittenAgain) {
    const Folder folder;
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    ChunkListWriter writer(folder / "c", 0);
    for (uint64_t i = 0; i < 100; ++i) writer.append(numbered(i), 1);
    rlimit small = before;
    small.rlim_cur = 1000;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const ExitCode code = code_of([&] { writer.sync(); });
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_EQ(code, ExitCode::destination);
    writer.sync();
    ChunkListReader reader(folder / "c");
    ASSERT_EQ(reader.size(), 100u);
    for (uint64_t i = 0; i < 100; ++i) EXPECT_EQ(reader[i], numbered(i)) << i;
}

} // namespace
} // namespace kanshiki
