#include "analyze/artifact/persistence/command_signs.h"
#include "analyze/format/crontab.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace kanshiki::format;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const auto style : {CrontabStyle::user, CrontabStyle::system})
        for (const CronJob& job : parse_crontab(text, style).jobs) {
            if (job.command.empty() || job.at.offset >= size) __builtin_trap();
            kanshiki::signs_of(job.command);
        }
    return 0;
}
