// The schemes. A new one is its own file and one line here.
#include "kanshiki/open_source.h"

#include "acquire/source/file_source.h"
#include "acquire/source/rate_limit.h"
#include "acquire/source/ssh/open_ssh_source.h"
#include "acquire/source/stream_source.h"
#include "kanshiki/evidence_sink.h"

#include <unistd.h>

namespace kanshiki {
namespace {

struct Scheme {
    bool (*fits)(const std::string& spec);
    std::unique_ptr<BlockSource> (*open)(const std::string& spec, const OpenOptions& options, Events& events,
                                         std::stop_token stop);
};

const Scheme table[] = {
    {[](const std::string& spec) { return spec == "-"; },
     [](const std::string&, const OpenOptions&, Events&, std::stop_token) {
         return open_stream(STDIN_FILENO, "standard input");
     }},
    {[](const std::string& spec) { return spec.starts_with("ssh://"); }, open_ssh_source},
    {[](const std::string&) { return true; }, [](const std::string& spec, const OpenOptions& options, Events& events,
                                                 std::stop_token) { return open_local(spec, options, events); }},
};

} // namespace

std::unique_ptr<BlockSource> open_source(const std::string& spec, const OpenOptions& options, Events& events,
                                         std::stop_token stop) {
    const Scheme* scheme = table;
    while (!scheme->fits(spec)) ++scheme;
    std::unique_ptr<BlockSource> source = scheme->open(spec, options, events, stop);
    if (options.limit_rate != 0) source = std::make_unique<RateLimit>(std::move(source), options.limit_rate);
    return source;
}

std::unique_ptr<BlockSource> open_image_or_source(const std::string& spec, const OpenOptions& options, Events& events,
                                                  std::stop_token stop) {
    std::error_code ignored;
    const EvidenceFormat* format = find_evidence_format(spec);
    if (format && std::filesystem::is_regular_file(spec, ignored)) return format->open(spec);
    return open_source(spec, options, events, stop);
}

} // namespace kanshiki
