// Images whose metadata was overwritten at seeded places: an error or an answer, in bounded time, and never a crash.
#include "conformance/analyze/made_images.h"

#include <chrono>
#include <gtest/gtest.h>
#include <set>

namespace kanshiki {
namespace {

using namespace test;

constexpr unsigned variants = 150;
constexpr unsigned most_names = 200'000; // the tree has some 420: what gives more than this goes round in circles

class HostileFileSystem : public testing::TestWithParam<MadeImage> {};

// Sectors that hold something, and no file's content.
std::vector<uint64_t> metadata_sectors(BlockSource& source, const std::vector<Range>& contents) {
    std::vector<uint64_t> sectors;
    std::string block(1 << 20, '\0');
    for (uint64_t at = 0; at < *source.info().size; at += block.size()) {
        Read read{.offset = at, .into = std::as_writable_bytes(std::span(block))};
        source.read(read, {});
        for (size_t sector = 0; sector < read.got; sector += 512) {
            const auto bytes = std::string_view(block).substr(sector, 512);
            const bool used = bytes.find_first_not_of('\0') != std::string_view::npos;
            if (used && std::none_of(contents.begin(), contents.end(), [&](const Range& range) {
                    return at + sector >= range.offset && at + sector < range.end();
                }))
                sectors.push_back(at + sector);
        }
    }
    return sectors;
}

void damage(Altered& source, const std::vector<uint64_t>& sectors, std::mt19937& dice) {
    static const unsigned counts[] = {1, 3, 20};
    for (unsigned count = counts[dice() % 3]; count > 0; count--) {
        const uint64_t at = sectors[dice() % sectors.size()] + dice() % 505;
        switch (dice() % 5) {
        case 0:
            source.replace(at, std::string(8, '\xff'));
            break;
        case 1:
            source.replace(at, std::string(8, '\0'));
            break;
        case 2:
            source.replace(at, std::string("\0\0\0\0\0\0\0\x80", 8)); // 2^63
            break;
        case 3:
            source.replace(at, std::string(1, static_cast<char>(dice())));
            break;
        default:
            source.replace(at, noise(8, dice()));
        }
    }
}

template<typename Action>
void attempt(Action&& action) {
    try {
        action();
    } catch (const Error& error) {
        if (error.code() != ExitCode::never_valid && error.code() != ExitCode::refused) throw;
    }
}

// Everything that can be asked of a file, within bounds.
void ask(FileSystem& files, uint64_t handle) {
    std::vector<std::byte> into(64 * 1024);
    FileInfo info;
    attempt([&] { info = files.stat(handle); });
    attempt([&] { files.extents(handle); });
    attempt([&] { files.xattrs(handle, [](const Xattr&) {}); });
    attempt([&] { files.streams(handle, [](const DirectoryEntry&) {}); });
    for (const uint64_t offset : {uint64_t{0}, info.size / 2, info.size - std::min<uint64_t>(info.size, into.size())})
        attempt([&] { EXPECT_LE(files.read(handle, offset, into), into.size()); });
}

void ask_everything(FileSystem& files) {
    std::set<uint64_t> seen = {files.root()};
    std::vector<uint64_t> waiting = {files.root()};
    unsigned names = 0;
    while (!waiting.empty()) {
        const uint64_t folder = waiting.back();
        waiting.pop_back();
        std::vector<DirectoryEntry> entries;
        attempt([&] {
            files.list(folder, [&](const DirectoryEntry& entry) {
                if (++names > most_names) throw std::runtime_error("the tree has no end");
                entries.push_back(entry);
            });
        });
        for (const DirectoryEntry& entry : entries) {
            if (!seen.insert(entry.inode).second) continue;
            ask(files, entry.inode);
            attempt([&] {
                if (files.stat(entry.inode).type == FileType::directory) waiting.push_back(entry.inode);
            });
        }
    }
    attempt([&] { files.free_space([](const Range&) {}); });
    attempt([&] {
        files.orphans([&](uint64_t handle) { return seen.contains(handle); },
                      [&](const DirectoryEntry&) {
                          if (++names > most_names) throw std::runtime_error("the orphans have no end");
                      });
    });
    files.take_unreadable();
    files.take_warnings();
}

TEST_P(HostileFileSystem, DamagedMetadataGivesErrorsAndAnswersAndNothingElse) {
    OpenedImage image(GetParam());
    std::vector<Range> contents;
    {
        const auto files = open_whole(image.source());
        ASSERT_TRUE(files);
        for (const auto& [path, entry] : all_names(*files))
            if (entry.type == FileType::regular)
                for (const auto& extent : files->extents(entry.inode))
                    if (!extent.sparse) contents.push_back(extent.range);
    }
    const auto sectors = metadata_sectors(image.source(), contents);
    ASSERT_GE(sectors.size(), 50u);
    unsigned opened = 0;
    for (unsigned seed = 0; seed < variants; seed++) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937 dice(seed);
        Altered source(image.source());
        damage(source, sectors, dice);
        const auto start = std::chrono::steady_clock::now();
        attempt([&] {
            const auto files = open_whole(source);
            if (!files) return;
            opened++;
            ask_everything(*files);
        });
        const auto took = std::chrono::steady_clock::now() - start;
        ASSERT_LT(took, std::chrono::seconds(20)) << "the whole image takes a fraction of a second";
    }
    EXPECT_GE(opened, variants / 2) << "most damage is not in the superblock";
}

std::vector<MadeImage> ours() {
    std::vector<MadeImage> images;
    for (const MadeImage& each : made_images())
        if (each.ours) images.push_back(each);
    return images;
}

INSTANTIATE_TEST_SUITE_P(FileSystems, HostileFileSystem, testing::ValuesIn(ours()),
                         [](const auto& kind) { return kind.param.name; });

} // namespace
} // namespace kanshiki
