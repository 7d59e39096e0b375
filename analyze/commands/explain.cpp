// The reading of file systems for `verify --explain`: in a jailed child, which hands its answer back as JSON.

#include "analyze/explain/explain.h"
#include "acquire/verify/opening.h"
#include "analyze/jail/jail.h"
#include "kanshiki/command.h"
#include "kanshiki/error.h"
#include "kanshiki/escape.h"
#include "kanshiki/terminal.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <unistd.h>

namespace kanshiki {
namespace {

using Json = nlohmann::ordered_json;

constexpr off_t largest_answer = 512 << 20;

Json as_json(const Explanation& explanation) {
    Json ranges = Json::array(), gaps = Json::array();
    for (const ExplainedRange& each : explanation.ranges) {
        Json files = Json::array(), elsewhere = Json::array();
        for (const Owner& owner : each.owners)
            files.push_back({{"volume", owner.volume},
                             {"path", to_utf8_lossless(owner.path)},
                             {"inode", owner.inode},
                             {"deleted", owner.deleted},
                             {"offset_in_file", owner.in_file},
                             {"offset", owner.range.offset},
                             {"size", owner.range.size}});
        for (const Elsewhere& rest : each.elsewhere)
            elsewhere.push_back({{"what", to_utf8_lossless(rest.what)}, {"size", rest.size}});
        ranges.push_back({{"offset", each.range.offset},
                          {"size", each.range.size},
                          {"files", files},
                          {"more_files", each.more_owners},
                          {"elsewhere", elsewhere}});
    }
    for (const NotCovered& gap : explanation.not_covered)
        gaps.push_back({{"volume", gap.volume},
                        {"path", to_utf8_lossless(gap.path)},
                        {"where", to_utf8_lossless(gap.where)},
                        {"why", to_utf8_lossless(gap.why)}});
    return {{"ranges", ranges}, {"not_looked_at", gaps}};
}

// The child's part: its exit status.
int answer(const VerifyOptions& options, const VerifyResult& found, const std::vector<Range>& ranges, int into) {
    try {
        const StopOnSignal signals;
        VerifyFindings ignored; // verify has told of them
        const EvidenceFormat* format = format_to_verify(options.image);
        const auto source = open_damaged_or_not(*format, options.image, found.manifest ? &*found.manifest : nullptr,
                                                found.size, ignored);
        if (!source) throw Error(ExitCode::altered, "nothing of the image can be read");
        confine({});
        const std::string text = as_json(explain(*source, ranges, signals.token())).dump();
        for (size_t done = 0; done < text.size();) {
            const ssize_t wrote = ::write(into, text.data() + done, text.size() - done);
            if (wrote <= 0) return static_cast<int>(ExitCode::internal);
            done += static_cast<size_t>(wrote);
        }
        return 0;
    } catch (const Error& error) {
        std::cerr << "kanshiki: --explain: " << escape_terminal(error.what()) << "\n";
        return static_cast<int>(error.code());
    } catch (const std::exception& error) {
        std::cerr << "kanshiki: internal error: " << escape_terminal(error.what()) << "\n";
        return static_cast<int>(ExitCode::internal);
    }
}

struct Memory {
    const int fd = ::memfd_create("explanation", MFD_CLOEXEC);
    Memory() {
        if (fd < 0) throw Error(ExitCode::internal, std::string("memfd_create: ") + std::strerror(errno));
    }
    ~Memory() { ::close(fd); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;
    std::string text() const {
        const off_t size = ::lseek(fd, 0, SEEK_END);
        if (size <= 0 || size > largest_answer) return {};
        std::string out(static_cast<size_t>(size), '\0');
        return ::pread(fd, out.data(), out.size(), 0) == size ? out : std::string();
    }
};

} // namespace

std::string explain_ranges(const VerifyOptions& options, const VerifyResult& found, const std::vector<Range>& ranges) {
    const Memory memory;
    const auto status = run_in_child(options.image.string());
    if (!status) ::_exit(answer(options, found, ranges, memory.fd)); // the child: nothing of verify may run twice
    if (*status == static_cast<int>(ExitCode::interrupted)) throw Error(ExitCode::interrupted, "interrupted");
    return *status == 0 ? memory.text() : std::string();
}

} // namespace kanshiki
