// An E01 from outside, in up to three segments (the input is cut at marks): opened strictly and salvaged, and read.
// What is read must lie inside the image, and bad ranges inside what was read.
#include "acquire/evidence/formats.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <unistd.h>

using namespace kanshiki;

namespace {

constexpr std::string_view mark = "SEGMENT!";

void read_some(BlockSource& image) {
    std::vector<std::byte> buffer(128 * 1024);
    const uint64_t size = *image.info().size;
    for (const uint64_t offset :
         {uint64_t{0}, uint64_t{1000}, size / 2, size - std::min<uint64_t>(size, 70'000), size}) {
        Read read{.offset = offset, .into = buffer};
        image.read(read, {});
        if (read.got != (offset < size ? std::min<uint64_t>(buffer.size(), size - offset) : 0)) std::abort();
        uint64_t before = offset;
        for (const Bad& bad : read.bad) {
            if (bad.range.size == 0 || bad.range.offset < before || bad.range.end() > offset + read.got) std::abort();
            before = bad.range.end();
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const auto& folder = *new std::filesystem::path([] { // lives to the end, for what removes it there
        std::string name = "/dev/shm/kanshiki-fuzz-XXXXXX";
        if (!::mkdtemp(name.data())) std::abort();
        return name;
    }());
    static const int removed = std::atexit([] { std::filesystem::remove_all(folder); });
    (void)removed;
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    for (const char* name : {"x.E01", "x.E02", "x.E03"}) {
        const size_t end = std::min(rest.find(mark), rest.size());
        std::ofstream(folder / name, std::ios::binary) << rest.substr(0, end);
        rest.remove_prefix(std::min(end + mark.size(), rest.size()));
    }
    for (const bool strict : {true, false}) {
        try {
            read_some(strict ? *open_e01(folder / "x.E01") : *salvage_e01(folder / "x.E01", ~uint64_t{0}));
        } catch (const Error& error) {
            if (error.code() != ExitCode::never_valid ||
                std::string_view(error.what()).find('\n') != std::string_view::npos)
                std::abort();
        }
    }
    return 0;
}
