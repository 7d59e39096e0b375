#include "acquire/selftest/selftest.h"

#include "acquire/selftest/assertions.h"
#include "kanshiki/error.h"

#include <algorithm>

namespace kanshiki::selftest {
namespace {

constexpr Assertion assertions[] = {
    {"KS-01", "Every sector that can be read is acquired", all_sectors},
    {"KS-02", "What is acquired is accurate", accurate},
    {"KS-03", "Each unreadable sector is reported, with its place and the kind of error", errors_reported},
    {"KS-04", "An unreadable sector is zeros in its own place, and nothing around it is lost or moved", benign_fill},
    {"KS-05", "The digest of each chunk is right, and the root over them", chunk_digests},
    {"KS-06", "The log says what happened", log_accurate},
    {"KS-07", "A destination without room is notified, and nothing is lost by it", no_room},
    {"KS-08", "An unchanged image is verified as unchanged", unchanged_image},
    {"KS-09", "A changed image is verified as changed, and where", changed_image},
    {"KS-10", "Conversion keeps the content", conversion},
    {"KS-11", "Any number of threads writes the same image", any_threads},
    {"KS-12", "The source is not changed", source_unchanged}, // last: after all that reads it
};

Outcome look(const Assertion& assertion, const Subjects& subjects) {
    Outcome out{std::string(assertion.id), std::string(assertion.says), {}, {}, {}, false};
    try {
        Seen seen = assertion.look(subjects);
        out.done = std::move(seen.done);
        out.expected = std::move(seen.expected);
        out.seen = std::move(seen.seen);
        out.passed = seen.passed;
    } catch (const Error& error) {
        if (error.code() == ExitCode::interrupted) throw;
        out.seen = error.what();
    }
    return out;
}

} // namespace

size_t Report::failed() const {
    return static_cast<size_t>(
        std::count_if(outcomes.begin(), outcomes.end(), [](const Outcome& each) { return !each.passed; }));
}

Report run(const std::filesystem::path& folder, const std::string& plant,
           const std::function<void(const Outcome&)>& told, std::stop_token stop) {
    Report report;
    report.plant = plant;
    report.tool = this_tool({"kanshiki", "selftest"});
    report.host = this_host();
    report.started = utc_now();
    const Subjects subjects(folder, plant, stop);
    for (const Assertion& assertion : assertions) {
        report.outcomes.push_back(look(assertion, subjects));
        told(report.outcomes.back());
    }
    report.ended = utc_now();
    return report;
}

} // namespace kanshiki::selftest
