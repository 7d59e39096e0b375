// What a far compressor sends. First byte: which decoder, and how the stream is cut.
#include "acquire/source/ssh/decompress.h"
#include "kanshiki/error.h"

#include <cstdlib>
#include <vector>

using namespace kanshiki;
using namespace kanshiki::ssh;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    constexpr Compressor all[] = {Compressor::none, Compressor::zstd, Compressor::lz4, Compressor::gzip};
    const auto decoder = make_decoder(all[data[0] & 3]);
    const size_t feed = 1 + (data[0] >> 2);
    std::span<const std::byte> rest(reinterpret_cast<const std::byte*>(data + 1), size - 1);
    size_t given = 0, total = 0;
    std::vector<std::byte> room(4096);
    try {
        while (total < 16 * 1024 * 1024) {
            const Decoder::Step step = decoder->decode(rest.first(given), room);
            if (step.consumed > given || step.produced > room.size()) abort();
            rest = rest.subspan(step.consumed);
            given -= step.consumed;
            total += step.produced;
            if (step.consumed > 0 || step.produced > 0) continue;
            if (given == rest.size()) break;
            given = std::min(rest.size(), given + feed);
        }
    } catch (const Error& error) {
        if (error.code() != ExitCode::source_lost) abort();
    }
    return 0;
}
