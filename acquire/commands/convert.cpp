#include "acquire/acquisition/conversion.h"
#include "acquire/commands/options.h"
#include "kanshiki/command.h"
#include "kanshiki/error.h"
#include "kanshiki/escape.h"
#include "kanshiki/terminal.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <iostream>
#include <nlohmann/json.hpp>

namespace kanshiki {
namespace {

constexpr const char* examples = R"(Examples:
  kanshiki convert disk.img.zst -o disk.E01               for a laboratory that wants EWF
  kanshiki convert disk.E01 -o disk.img.zst --level 9     smaller
  kanshiki convert foreign.E01 -o case7/disk.img          one made by another tool
  kanshiki convert vm.qcow2 -o vm.img.zst

Reads .img .raw .dd .img.zst .E01 .001 .qcow2 .vmdk .vhd .vhdx; writes .img .raw .dd .img.zst .E01 .001. The content is
hashed as it passes and compared with what is recorded of it: the chunk list, root and digests of its manifest, the MD5
and SHA-1 stored in an E01. The first difference ends it, and no new image is left. The new manifest carries on the
case, the source, the unreadable ranges, and names the old manifest's SHA-256; the root is the same for every format.
Exit: 0 converted, 2 usage, 4 converted, and parts were unreadable at the source (as the old manifest said), 5 the
destination failed, 10 the image is not what was recorded of it, 11 not an image, 130 interrupted (begin it again).)";

nlohmann::ordered_json as_json(const ConvertOptions& options, const ConvertResult& result, ExitCode code) {
    const Manifest& m = result.manifest;
    nlohmann::ordered_json images = nlohmann::ordered_json::array();
    for (const auto& image : options.outputs) images.push_back(to_utf8_lossless(image.string()));
    return {{"from", to_utf8_lossless(options.image.string())},
            {"images", images},
            {"size", m.size},
            {"root", to_hex(m.root)},
            {"digests", m.digests},
            {"compared", result.compared},
            {"foreign", result.foreign},
            {"unreadable_bytes", m.unreadable_bytes},
            {"manifest", to_utf8_lossless(Companions::of(options.outputs.front()).manifest.string())},
            {"exit", static_cast<int>(code)}};
}

void print_text(const ConvertOptions& options, const ConvertResult& result) {
    const Manifest& m = result.manifest;
    std::cout << "from        " << escape_terminal(options.image.string()) << "\n";
    for (const auto& image : options.outputs) std::cout << "image       " << escape_terminal(image.string()) << "\n";
    std::cout << fmt::format("size        {} bytes, {} chunks\nroot        {}\n", m.size, m.chunks, to_hex(m.root));
    for (const auto& [name, digest] : m.digests) std::cout << fmt::format("{:<12}{}\n", name, digest);
    std::string compared;
    for (const std::string& what : result.compared) compared += (compared.empty() ? "" : ", ") + what;
    std::cout << "compared    " << (compared.empty() ? "with nothing: the image carries no digest" : compared) << "\n";
    if (m.unreadable_bytes > 0)
        std::cout << fmt::format("UNREADABLE  {} bytes in {} ranges at the source: zeros in the image\n",
                                 m.unreadable_bytes, m.unreadable.size());
}

} // namespace

int run_convert(const std::vector<std::string>& arguments) {
    ConvertOptions options;
    OutputOptions output;
    std::string image, hash;
    std::vector<std::string> outputs;
    CLI::App app("Write an image in another format, and prove on the way that nothing changed.", "convert");
    app.footer(examples);
    app.add_option("IMAGE", image, "image to read")->required();
    app.add_option("-o,--output", outputs, "IMAGE to write; its extension is the format; may be given again")
        ->required()
        ->type_name("IMAGE")
        ->allow_extra_args(false);
    app.add_option("--hash", hash, "digests of the whole image: sha256,md5,sha1,sha512 (default: those it had)")
        ->type_name("LIST");
    app.add_option("--level", options.level, "zstd level of .img.zst")
        ->check(CLI::Range(1, 19))
        ->type_name("N")
        ->capture_default_str();
    add_split_option(app, options.split);
    app.add_flag("--force", options.force, "overwrite an existing image");
    app.add_option("--threads", options.threads, "of CPU work (default: one per core)")
        ->check(CLI::Range(1u, 1024u))
        ->type_name("N");
    add_output_options(app, output);
    if (!parse_arguments(app, arguments)) return 0;
    options.image = image;
    options.outputs.assign(outputs.begin(), outputs.end());
    if (app.count("--hash") > 0) options.digests = parse_digests(hash);
    options.arguments = arguments;
    options.arguments.insert(options.arguments.begin(), {"kanshiki", "convert"});

    ConvertResult result;
    {
        const StopOnSignal stop;
        const auto console = open_console(output.style(), output.quiet);
        result = convert_image(options, *console, stop.token());
    }
    const ExitCode code = result.manifest.unreadable_bytes > 0 ? ExitCode::unreadable : ExitCode::ok;
    if (output.json)
        std::cout << as_json(options, result, code).dump(2) << "\n";
    else if (!output.quiet)
        print_text(options, result);
    return static_cast<int>(code);
}

} // namespace kanshiki
