#include "acquire/block/bisect.h"

#include "kanshiki/error.h"

#include <algorithm>
#include <cerrno>

namespace kanshiki {
namespace {

struct Search {
    const Bisection& how;
    const ReadExactly& read;
    std::stop_token stop;
    std::vector<Bad> bad;

    void over(uint64_t offset, std::span<std::byte> into) {
        if (stop.stop_requested()) throw Error(ExitCode::interrupted, "interrupted");
        if (std::chrono::steady_clock::now() >= how.until) return give_up(offset, into, ETIMEDOUT);
        int error = read(offset, into);
        const bool single = into.size() <= how.sector;
        for (unsigned again = 0; single && error && again < how.retries; ++again) error = read(offset, into);
        if (!error) return;
        if (single) return give_up(offset, into, error);
        const size_t half = (into.size() / 2 + how.sector - 1) / how.sector * how.sector;
        over(offset, into.first(half));
        over(offset + half, into.subspan(half));
    }

    void give_up(uint64_t offset, std::span<std::byte> into, int error) {
        std::fill(into.begin(), into.end(), std::byte{0});
        if (!bad.empty() && bad.back().range.end() == offset && bad.back().error == error)
            bad.back().range.size += into.size();
        else
            bad.push_back({{offset, into.size()}, error});
    }
};

} // namespace

std::vector<Bad> read_bisecting(uint64_t offset, std::span<std::byte> into, const Bisection& how,
                                const ReadExactly& read, std::stop_token stop) {
    Search search{how, read, stop, {}};
    if (!into.empty()) search.over(offset, into);
    return std::move(search.bad);
}

} // namespace kanshiki
