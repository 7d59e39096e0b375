// What every EvidenceSink must do. A new format is one more name in the list at the end.
#include "kanshiki/error.h"
#include "kanshiki/evidence_sink.h"
#include "kanshiki/pipeline.h"
#include "unit/support/memory_source.h"
#include "unit/support/scratch_folder.h"

#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace kanshiki {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::byte>;

Bytes file_bytes(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

Bytes all_of(BlockSource& source) {
    Bytes out(*source.info().size);
    Read read{.offset = 0, .into = out};
    source.read(read, {});
    EXPECT_TRUE(read.bad.empty());
    EXPECT_EQ(read.got, out.size());
    return out;
}

class AnySink : public testing::TestWithParam<const char*> {
protected:
    fs::path image() const { return folder_ / (std::string("disk") + GetParam()); }
    const EvidenceFormat& format() const { return *find_evidence_format(image()); }

    // Chunks [from, to) of the bytes; zero chunks in runs, as the pipeline gives them.
    static void write(EvidenceSink& sink, const Bytes& bytes, uint64_t from, uint64_t to) {
        const auto encoder = sink.encoder();
        for (uint64_t at = from; at < to;) {
            uint64_t end = std::min<uint64_t>(at + chunk_size, bytes.size());
            const auto zero = [&](uint64_t a, uint64_t b) {
                return std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(a),
                                   bytes.begin() + static_cast<std::ptrdiff_t>(b),
                                   [](std::byte x) { return x == std::byte{0}; });
            };
            if (zero(at, end)) {
                while (end < to && end % chunk_size == 0 && zero(end, std::min<uint64_t>(end + chunk_size, to)))
                    end = std::min<uint64_t>(end + chunk_size, to);
                sink.write({{at, end - at}, Kind::zero, {}, nullptr});
            } else {
                const auto data = std::span(bytes).subspan(at, end - at);
                Encoded encoded;
                if (encoder) encoder->encode(data, encoded);
                sink.write({{at, end - at}, Kind::data, data, encoder ? &encoded : nullptr});
            }
            at = end;
        }
    }
    test::ScratchFolder folder_;
};

// Data, a long run of zeros, data, and a short tail: of data or of zeros.
Bytes sample(bool zero_tail) {
    Bytes bytes = test::random_bytes(9 * chunk_size + 700, 1);
    std::fill_n(bytes.begin() + 2 * chunk_size, 4 * chunk_size, std::byte{0});
    if (zero_tail) std::fill(bytes.begin() + 8 * chunk_size, bytes.end(), std::byte{0});
    return bytes;
}

TEST_P(AnySink, KeepsExactlyWhatItWasGiven) {
    for (const bool zero_tail : {false, true}) {
        fs::remove(image());
        const Bytes bytes = sample(zero_tail);
        const auto sink = format().create(image(), {});
        write(*sink, bytes, 0, bytes.size());
        sink->commit(bytes.size());
        EXPECT_FALSE(fs::exists(image())) << "not before it is published";
        sink->publish();
        EXPECT_FALSE(fs::exists(partial_path(image())));
        EXPECT_EQ(all_of(*format().open(image())), bytes);
        const EvidenceFile file = sink->files(sha256(bytes)).at(0);
        EXPECT_EQ(file.path, image());
        EXPECT_EQ(file.size, fs::file_size(image()));
        EXPECT_EQ(*file.sha256, sha256(file_bytes(image())));
        struct stat status {};
        ASSERT_EQ(::stat(image().c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0777, 0400u);
    }
}

TEST_P(AnySink, ADestructorOnlyCancels) {
    const Bytes bytes = sample(false);
    {
        const auto sink = format().create(image(), {});
        write(*sink, bytes, 0, bytes.size());
        sink->commit(bytes.size());
    }
    EXPECT_FALSE(fs::exists(image()));
    EXPECT_TRUE(fs::exists(partial_path(image())));
}

TEST_P(AnySink, NeverTakesAPartialImageForItsOwn) {
    { const auto first = format().create(image(), {}); }
    try {
        format().create(image(), {});
        FAIL() << "it overwrote an unfinished image";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::destination);
    }
}

TEST_P(AnySink, WhatACheckpointSaidCanBeReadAndGoneOnWith) {
    const Bytes bytes = sample(true);
    const auto whole = format().create(folder_ / (std::string("whole") + GetParam()), {});
    write(*whole, bytes, 0, bytes.size());
    whole->commit(bytes.size());
    whole->publish();
    const Bytes expected = file_bytes(folder_ / (std::string("whole") + GetParam()));

    for (uint64_t stop = 0; stop <= 9; ++stop) { // after each chunk, inside the run of zeros too
        fs::remove(image());
        fs::remove(partial_path(image()));
        {
            const auto sink = format().create(image(), {});
            write(*sink, bytes, 0, stop * chunk_size);
            EXPECT_EQ(sink->checkpoint(), stop * chunk_size);
            write(*sink, bytes, stop * chunk_size,
                  std::min<uint64_t>((stop + 2) * chunk_size, bytes.size())); // what was in flight
        }
        const uint64_t kept = stop * chunk_size;
        const auto salvaged = format().salvage(partial_path(image()), kept);
        ASSERT_EQ(*salvaged->info().size, kept);
        EXPECT_EQ(all_of(*salvaged), Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(kept)));
        const auto sink = format().resume(image(), kept, {});
        write(*sink, bytes, kept, bytes.size());
        sink->commit(bytes.size());
        sink->publish();
        EXPECT_EQ(file_bytes(image()), expected) << "resumed at chunk " << stop;
        EXPECT_EQ(*sink->files(sha256(bytes)).at(0).sha256, sha256(expected));
    }
}

TEST_P(AnySink, AFolderThatIsNotThereIsAFailedDestination) {
    try {
        format().create(folder_ / "missing" / (std::string("x") + GetParam()), {});
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::destination);
        EXPECT_NE(std::string(error.what()).find("missing"), std::string::npos);
    }
}

// E01 and split raw: a resumed image is the same to the byte, wherever its segments end.
class Segmented : public AnySink {};

TEST_P(Segmented, IsTheSameWhereverItWasBrokenOff) {
    const Bytes bytes = sample(true);
    SinkOptions options;
    options.split = (600 << 10) + 4096 * 3;
    options.size = bytes.size();
    options.started = "2026-11-23T05:52:11.123456Z";
    const auto whole_image = folder_ / (std::string("whole") + GetParam());
    const auto whole = format().create(whole_image, options);
    write(*whole, bytes, 0, bytes.size());
    whole->commit(bytes.size());
    whole->publish();
    const std::vector<fs::path> expected = image_files(whole_image);
    ASSERT_GE(expected.size(), 3u);
    for (uint64_t stop = 0; stop <= 9; ++stop)
        for (const uint64_t ahead : {0, 2, 9}) { // chunks written after the checkpoint
            for (const auto& file : image_files(image())) fs::remove(file);
            {
                const auto sink = format().create(image(), options);
                write(*sink, bytes, 0, stop * chunk_size);
                EXPECT_EQ(sink->checkpoint(), stop * chunk_size);
                write(*sink, bytes, stop * chunk_size, std::min<uint64_t>((stop + ahead) * chunk_size, bytes.size()));
            }
            const auto sink = format().resume(image(), stop * chunk_size, options);
            write(*sink, bytes, stop * chunk_size, bytes.size());
            sink->commit(bytes.size());
            sink->publish();
            const std::vector<EvidenceFile> files = sink->files({});
            const std::vector<fs::path> there = image_files(image());
            ASSERT_EQ(there.size(), expected.size());
            ASSERT_EQ(files.size(), expected.size());
            for (size_t i = 0; i < there.size(); ++i) {
                EXPECT_EQ(file_bytes(there[i]), file_bytes(expected[i])) << "chunk " << stop << ", segment " << i + 1;
                EXPECT_EQ(files[i].path, there[i]);
                EXPECT_EQ(files[i].size, fs::file_size(there[i]));
                EXPECT_EQ(*files[i].sha256, sha256(file_bytes(there[i])));
            }
            EXPECT_TRUE(partial_files(image()).empty());
        }
}

// publish() was cut short: some segments have their names, the first has not.
TEST_P(Segmented, GoesOnWhenItsPublishingWasCutShort) {
    const Bytes bytes = sample(false);
    SinkOptions options;
    options.split = 1 << 20;
    {
        const auto sink = format().create(image(), options);
        write(*sink, bytes, 0, bytes.size());
        sink->commit(bytes.size());
    }
    const std::vector<fs::path> partial = partial_files(image());
    ASSERT_GE(partial.size(), 3u);
    const fs::path published = image_files(image()).empty() ? fs::path() : image_files(image()).front();
    EXPECT_EQ(published, fs::path());
    std::string name = partial.back().filename().string();
    name.erase(name.find(".partial"), 8);
    fs::rename(partial.back(), folder_ / name);
    EXPECT_EQ(partial_files(image()).size(), partial.size());
    EXPECT_EQ(all_of(*format().salvage(partial_path(image()), bytes.size())), bytes);
    const auto sink = format().resume(image(), 8 * chunk_size, options);
    write(*sink, bytes, 8 * chunk_size, bytes.size());
    sink->commit(bytes.size());
    sink->publish();
    EXPECT_EQ(all_of(*format().open(image())), bytes);
}

INSTANTIATE_TEST_SUITE_P(Formats, Segmented, testing::Values(".E01", ".001"),
                         [](const auto& row) { return "as_" + std::string(row.param + 1); });

INSTANTIATE_TEST_SUITE_P(Formats, AnySink, testing::Values(".img", ".img.zst", ".E01", ".001"), [](const auto& row) {
    return "as_" + std::string(row.param + 1).substr(0, 3) + (std::string(row.param) == ".img.zst" ? "_zst" : "");
});

} // namespace
} // namespace kanshiki
