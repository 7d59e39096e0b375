// The far side's answers in text: the probe, and dd's standard error.
#include "acquire/source/ssh/dd_command.h"
#include "kanshiki/error.h"

#include <algorithm>
#include <cstdlib>

using namespace kanshiki;
using namespace kanshiki::ssh;

static void check(bool holds) {
    if (!holds) abort();
}

static void check_runs(const Runs& runs, const std::vector<Range>& asked, uint32_t piece) {
    if (!runs.understood) return;
    check(runs.bad.size() == asked.size());
    for (size_t i = 0; i < asked.size(); ++i)
        for (size_t k = 0; k < runs.bad[i].size(); ++k)
            check(runs.bad[i][k] * piece < asked[i].size && (k == 0 || runs.bad[i][k] > runs.bad[i][k - 1]));
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        const Probe probe = parse_probe(text, "host");
        check(probe.logical_sector >= 512 && probe.physical_sector >= 512 && probe.used.size() <= 64 &&
              probe.cores > 0);
    } catch (const Error& error) {
        check(error.code() == ExitCode::refused);
    }
    std::deque<std::string> lines;
    for (size_t at = 0; at < text.size();) {
        const size_t newline = std::min(text.find('\n', at), text.size());
        lines.emplace_back(text.substr(at, newline - at));
        at = newline + 1;
    }
    dd_status(lines);
    const std::vector<Range> asked{{8192, 4096}, {65536, 1000}};
    check_runs(parse_noerror(lines, asked, 512), asked, 512);
    check_runs(parse_pieces(lines, asked, 512), asked, 512);
    return 0;
}
