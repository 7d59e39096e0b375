#include "acquire/commands/against_source.h"

#include "acquire/acquisition/conversion.h"
#include "acquire/verify/source_check.h"
#include "kanshiki/error.h"
#include "kanshiki/escape.h"

#include <algorithm>
#include <fmt/format.h>
#include <iostream>

namespace kanshiki {
namespace {

constexpr size_t most_shown = 20;

// The damaged ranges as whole chunks, ascending and merged.
std::vector<Range> damaged_chunks(const VerifyResult& found) {
    std::vector<Range> ranges;
    for (const Damage& one : found.damage)
        if (one.range) ranges.push_back(*one.range);
    std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.offset < b.offset; });
    std::vector<Range> out;
    const uint64_t size = found.manifest->size;
    for (const Range& range : ranges) {
        const uint64_t first = range.offset / chunk_size * chunk_size;
        if (first >= size) continue; // behind the image's end: what was appended is left out
        const uint64_t end = std::min(size, chunks_in(std::min(range.end(), size)) * chunk_size);
        if (!out.empty() && first <= out.back().end())
            out.back().size = std::max(out.back().end(), end) - out.back().offset;
        else
            out.push_back({first, end - first});
    }
    return out;
}

void repair(const AgainstSource& asked, const VerifyOptions& options, const VerifyResult& found, BlockSource& source,
            AgainstSourceResult& result, Events& events, std::stop_token stop) {
    result.replaced = damaged_chunks(found);
    ConvertOptions convert;
    convert.image = options.image;
    convert.outputs.assign(asked.outputs.begin(), asked.outputs.end());
    convert.threads = options.threads;
    convert.arguments = asked.arguments;
    convert.source = &source;
    convert.damaged = result.replaced;
    try {
        result.root = convert_image(convert, events, stop).manifest.root;
    } catch (const Error& error) {
        if (error.code() != ExitCode::altered) throw;
        throw Error(ExitCode::altered, "not repaired: " + std::string(error.what()));
    }
}

} // namespace

void AgainstSource::check() const {
    if (source.empty() && (repair || !outputs.empty()))
        throw Error(ExitCode::usage, "--repair fetches what is damaged from --source SOURCE, which is missing");
    if (repair != !outputs.empty())
        throw Error(ExitCode::usage, repair ? "--repair writes a new image: name it with -o NEW"
                                            : "-o names the image that --repair writes; without it nothing is written");
    if (source == "-") throw Error(ExitCode::usage, "--source: standard input cannot be compared");
}

AgainstSourceResult go_to_source(const AgainstSource& asked, const VerifyOptions& options, const VerifyResult& found,
                                 Events& events, std::stop_token stop) {
    AgainstSourceResult result;
    if (asked.source.empty()) return result;
    if (asked.repair && !found.manifest)
        throw Error(ExitCode::usage,
                    options.image.string() + ": without its manifest it cannot be told what a repair must give");
    const auto source = open_source(asked.source, asked.open, events, stop);
    if (asked.repair)
        repair(asked, options, found, *source, result, events, stop);
    else
        result.comparison = compare_with_source(options.image, *source, options.threads, events, stop);
    return result;
}

void print_against_source(const AgainstSource& asked, const AgainstSourceResult& result) {
    if (result.root) {
        uint64_t bytes = 0;
        for (const Range& range : result.replaced) bytes += range.size;
        std::cout << fmt::format("repaired     {}: {} bytes in {} ranges were fetched again; root {}\n",
                                 escape_terminal(asked.outputs.front()), bytes, result.replaced.size(),
                                 to_hex(*result.root));
    }
    if (!result.comparison) return;
    const SourceComparison& now = *result.comparison;
    const std::string name = escape_terminal(now.uri);
    if (now.same()) std::cout << fmt::format("source       {} is what was imaged\n", name);
    size_t shown = 0;
    for (const Range& range : now.differing) {
        if (shown++ == most_shown) {
            std::cout << fmt::format("             ... and {} more: --json lists all\n",
                                     now.differing.size() - most_shown);
            break;
        }
        std::cout << fmt::format("SOURCE       {} differs now in bytes {} to {}\n", name, range.offset,
                                 range.end() - 1);
    }
    if (now.missing_chunks)
        std::cout << fmt::format("SOURCE       {} has {} bytes now: {} chunks of the image lie beyond its end\n", name,
                                 now.size, now.missing_chunks);
    if (now.unreadable)
        std::cout << fmt::format("SOURCE       {} bytes of {} cannot be read now; they count as zeros\n",
                                 now.unreadable, name);
}

} // namespace kanshiki
