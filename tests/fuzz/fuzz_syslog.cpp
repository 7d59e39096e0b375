#include "analyze/format/auth_message.h"
#include "analyze/format/syslog.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace kanshiki::format;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    YearKeeper years;
    uint64_t whole = 0, pieces = 0;
    for_each_line(text, [&](const Line& line) {
        ++whole;
        const auto parsed = parse_syslog(line.text);
        if (!parsed) return;
        if (!parsed->seconds) years.relative_year(*parsed);
        parse_auth_message(parsed->program, parsed->message);
    });
    for (const char* program : {"sshd", "sudo", "su", "useradd"}) parse_auth_message(program, text);
    years.first_year(INT64_MAX);
    // However the bytes come, the lines are the same.
    LineSplitter splitter(64, [&](const Line&) { ++pieces; });
    for (size_t at = 0; at < size; at += 7) splitter.feed(text.substr(at, 7));
    splitter.finish();
    if (pieces != whole) __builtin_trap();
    return 0;
}
