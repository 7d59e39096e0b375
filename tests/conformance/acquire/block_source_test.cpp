// What every BlockSource must do. A new source is one more line in the table at the end.
#include "acquire/block/zero.h"
#include "acquire/evidence/formats.h"
#include "acquire/source/file_source.h"
#include "acquire/source/rate_limit.h"
#include "acquire/source/stream_source.h"
#include "kanshiki/evidence_sink.h"
#include "kanshiki/open_source.h"
#include "kanshiki/pipeline.h"
#include "unit/support/memory_source.h"
#include "unit/support/scratch_folder.h"

#include <csignal>
#include <fstream>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

namespace kanshiki {
namespace {

using test::ScratchFolder;
using Bytes = std::vector<std::byte>;

// Something readable over the given bytes, and what must live as long.
struct Opened {
    std::unique_ptr<BlockSource> source;
    std::shared_ptr<void> keeps = nullptr;
};

struct Row {
    const char* name;
    Opened (*open)(const Bytes& bytes, const ScratchFolder& folder);
};

std::filesystem::path store(const Bytes& bytes, const ScratchFolder& folder, const char* name) {
    const auto path = folder / name;
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    return path;
}

// The image as the format's own sink writes it.
std::filesystem::path written(const Bytes& bytes, const ScratchFolder& folder, const char* name) {
    const auto image = folder / name;
    SinkOptions options;
    options.split = 1 << 20; // several segments, where the format has them
    const auto sink = find_evidence_format(image)->create(image, options);
    const auto encoder = sink->encoder();
    for (size_t at = 0; at < bytes.size(); at += chunk_size) {
        const std::span<const std::byte> data =
            std::span(bytes).subspan(at, std::min<size_t>(chunk_size, bytes.size() - at));
        Encoded encoded;
        if (encoder) encoder->encode(data, encoded);
        sink->write({{at, data.size()}, Kind::data, data, encoder ? &encoded : nullptr});
    }
    sink->commit(bytes.size());
    sink->publish();
    return image;
}

Opened open_pipe(const Bytes& bytes, const ScratchFolder&) {
    ::signal(SIGPIPE, SIG_IGN); // a test that does not read to the end closes before the writer is done
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("pipe");
    struct Writer {
        std::thread thread;
        int reading;
        ~Writer() {
            ::close(reading);
            thread.join();
        }
    };
    auto writer = std::make_shared<Writer>();
    writer->reading = ends[0];
    writer->thread = std::thread([bytes, out = ends[1]] { // pieces of odd sizes, as pipes give them
        for (size_t at = 0; at < bytes.size();) {
            const ssize_t n = ::write(out, bytes.data() + at, std::min<size_t>(7777, bytes.size() - at));
            if (n <= 0) break;
            at += static_cast<size_t>(n);
        }
        ::close(out);
    });
    return {open_stream(ends[0], "pipe"), writer};
}

class AnySource : public testing::TestWithParam<Row> {
protected:
    Opened open(const Bytes& bytes) const { return GetParam().open(bytes, folder_); }
    static bool random(const Opened& opened) { return opened.source->info().access == Access::random; }
    ScratchFolder folder_;
};

Read read_at(BlockSource& source, uint64_t offset, Bytes& into) {
    Read read{.offset = offset, .into = into};
    source.read(read, {});
    return read;
}

TEST_P(AnySource, GivesAllBytesInOrderAndThenTheEnd) {
    for (const size_t size : {size_t{0}, size_t{1}, size_t{4096}, size_t{chunk_size}, size_t{3 * chunk_size + 1000}}) {
        const Bytes bytes = test::disk_bytes(size, 1);
        const Opened opened = open(bytes);
        if (const auto told = opened.source->info().size) {
            EXPECT_EQ(*told, size);
        }
        Bytes all, buffer(chunk_size);
        for (;;) {
            const Read read = read_at(*opened.source, all.size(), buffer);
            EXPECT_TRUE(read.bad.empty());
            all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(read.got));
            if (read.got < buffer.size()) break;
        }
        EXPECT_EQ(all, bytes) << size;
    }
}

TEST_P(AnySource, ReadsAnyRangeAtAnyAlignment) {
    const Bytes bytes = test::disk_bytes(3 * chunk_size + 1000, 2);
    const Opened opened = open(bytes);
    if (!random(opened)) return; // an ascending source promises less: see the next test
    std::mt19937 dice(3);
    for (int round = 0; round < 200; ++round) {
        const uint64_t offset = dice() % (bytes.size() + 5000);
        Bytes into(dice() % (chunk_size + 100), std::byte{0xEE});
        const Read read = read_at(*opened.source, offset, into);
        const uint64_t exists = offset < bytes.size() ? std::min<uint64_t>(into.size(), bytes.size() - offset) : 0;
        ASSERT_EQ(read.got, exists);
        ASSERT_TRUE(std::equal(into.begin(), into.begin() + static_cast<std::ptrdiff_t>(exists),
                               bytes.begin() + static_cast<std::ptrdiff_t>(std::min<uint64_t>(offset, bytes.size()))));
    }
}

TEST_P(AnySource, AnAscendingSourceRefusesWhatItCannotGiveRatherThanGiveOtherBytes) {
    const Bytes bytes = test::disk_bytes(2 * chunk_size, 2);
    const Opened opened = open(bytes);
    Bytes into(1000);
    read_at(*opened.source, 0, into);
    try {
        const Read again = read_at(*opened.source, 0, into);
        EXPECT_EQ(again.got, into.size());
        EXPECT_TRUE(std::equal(into.begin(), into.end(), bytes.begin()));
    } catch (const Error& error) {
        EXPECT_FALSE(random(opened));
        EXPECT_EQ(error.code(), ExitCode::refused);
    }
}

TEST_P(AnySource, ServesItsLanesAtOnce) {
    const Bytes bytes = test::disk_bytes(8 * chunk_size, 4);
    const Opened opened = open(bytes);
    if (!random(opened)) return;
    std::vector<std::thread> readers;
    std::atomic<unsigned> wrong = 0;
    for (unsigned lane = 0; lane < std::max(2u, opened.source->info().lanes); ++lane)
        readers.emplace_back([&, lane] {
            std::mt19937 dice(lane);
            for (int round = 0; round < 30; ++round) {
                const uint64_t offset = dice() % (bytes.size() - 70000);
                Bytes into(70000);
                read_at(*opened.source, offset, into);
                if (!std::equal(into.begin(), into.end(), bytes.begin() + static_cast<std::ptrdiff_t>(offset))) ++wrong;
            }
        });
    for (std::thread& reader : readers) reader.join();
    EXPECT_EQ(wrong, 0u);
}

TEST_P(AnySource, TellsExtentsWithoutGapsAndZeroOnlyWhereAllIsZero) {
    Bytes bytes = test::random_bytes(4 * chunk_size + 100, 5);
    std::fill_n(bytes.begin() + chunk_size, 2 * chunk_size, std::byte{0});
    const Opened opened = open(bytes);
    if (!opened.source->info().size) return;
    for (const Range within : {Range{0, bytes.size()}, Range{chunk_size + 5, chunk_size}, Range{3 * chunk_size, 100}}) {
        uint64_t at = within.offset;
        for (const Extent& extent : opened.source->extents(within, {})) {
            EXPECT_EQ(extent.range.offset, at);
            EXPECT_GT(extent.range.size, 0u);
            at = extent.range.end();
            const auto all = std::span(bytes).subspan(extent.range.offset, extent.range.size);
            EXPECT_TRUE(extent.kind == Kind::data || is_zero(all));
        }
        EXPECT_EQ(at, within.end());
    }
}

INSTANTIATE_TEST_SUITE_P(
    Sources, AnySource,
    testing::Values(
        Row{"memory", [](const Bytes& bytes,
                         const ScratchFolder&) { return Opened{std::make_unique<test::MemorySource>(bytes)}; }},
        Row{"file",
            [](const Bytes& bytes, const ScratchFolder& folder) {
                return Opened{open_file_source(store(bytes, folder, "file").string(), "file")};
            }},
        Row{"rate_limit",
            [](const Bytes& bytes, const ScratchFolder&) {
                return Opened{
                    std::make_unique<RateLimit>(std::make_unique<test::MemorySource>(bytes), uint64_t{1} << 40)};
            }},
        Row{"pipe", open_pipe},
        Row{"raw", [](const Bytes& bytes,
                      const ScratchFolder& folder) { return Opened{open_raw(written(bytes, folder, "x.img"))}; }},
        Row{"raw_salvaged",
            [](const Bytes& bytes, const ScratchFolder& folder) {
                return Opened{salvage_raw(written(bytes, folder, "x.img"), bytes.size())};
            }},
        Row{"zst", [](const Bytes& bytes,
                      const ScratchFolder& folder) { return Opened{open_zst(written(bytes, folder, "x.img.zst"))}; }},
        Row{"zst_salvaged",
            [](const Bytes& bytes, const ScratchFolder& folder) {
                return Opened{salvage_zst(written(bytes, folder, "x.img.zst"), bytes.size())};
            }},
        Row{"e01", [](const Bytes& bytes,
                      const ScratchFolder& folder) { return Opened{open_e01(written(bytes, folder, "x.E01"))}; }},
        Row{"e01_salvaged",
            [](const Bytes& bytes, const ScratchFolder& folder) {
                return Opened{salvage_e01(written(bytes, folder, "x.E01"), bytes.size())};
            }},
        Row{"split", [](const Bytes& bytes,
                        const ScratchFolder& folder) { return Opened{open_split(written(bytes, folder, "x.001"))}; }}),
    [](const auto& row) { return row.param.name; });

} // namespace
} // namespace kanshiki
