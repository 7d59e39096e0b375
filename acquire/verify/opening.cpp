#include "acquire/verify/opening.h"

#include "acquire/custody/files.h"
#include "kanshiki/error.h"

namespace kanshiki {
namespace {

namespace fs = std::filesystem;

std::string bytes_text(uint64_t bytes) { return std::to_string(bytes) + " bytes"; }

} // namespace

const EvidenceFormat* format_to_verify(const fs::path& image) {
    const EvidenceFormat* format = find_evidence_format(image);
    for (const char* suffix :
         {".manifest.json", ".chunks", ".map", ".log.jsonl", ".sha256", ".custody.jsonl", ".custody.head",
          ".manifest.json.sig", ".manifest.json.pub", ".manifest.json.sig.tsr", ".partial"})
        if (const std::string text = image.string();
            text.ends_with(suffix) && present(text.substr(0, text.size() - std::string_view(suffix).size())))
            throw Error(ExitCode::usage, text + " belongs to an image; verify the image itself: " +
                                             text.substr(0, text.size() - std::string_view(suffix).size()));
    if (present(image)) {
        open_to_read(image, ExitCode::refused);
        if (!format)
            throw Error(ExitCode::never_valid, image.string() +
                                                   " is no image of kanshiki: its name must end in one of " +
                                                   evidence_extensions());
        return format;
    }
    if (present(partial_path(image)))
        throw Error(ExitCode::source_lost,
                    image.string() + ": the acquisition is not finished; go on with kanshiki acquire SOURCE -o " +
                        image.string() + " --resume");
    const Companions files = Companions::of(image);
    if (!present(files.manifest) && !present(files.chunks))
        throw Error(ExitCode::usage, image.string() + ": no such file");
    if (!format) throw Error(ExitCode::usage, image.string() + ": no such file");
    return format;
}

bool stored_as_it_is(const EvidenceFormat& format) { return format.name == "raw" || format.name == "split raw"; }

std::unique_ptr<BlockSource> open_damaged_or_not(const EvidenceFormat& format, const fs::path& image,
                                                 const Manifest* manifest, uint64_t most, VerifyFindings& findings) {
    if (!present(image)) {
        findings.file_damage(image, "is missing");
        return nullptr;
    }
    std::unique_ptr<BlockSource> out;
    try {
        out = format.open(image);
        if (stored_as_it_is(format) || !format.salvage || !manifest || *out->info().size == manifest->size) return out;
        // Perhaps it is the seek table that is wrong: followed frame by frame the sizes are the frames' own.
        auto followed = format.salvage(image, ~uint64_t{0});
        if (*followed->info().size != manifest->size) return out;
        findings.file_damage(image, "its seek table is wrong: by it the image has " + bytes_text(*out->info().size) +
                                        ", by its frames " + std::to_string(manifest->size));
        out = std::move(followed);
    } catch (const Error& error) {
        if (error.code() == ExitCode::refused) throw;
        findings.file_damage(image, error.what());
        if (!stored_as_it_is(format) && format.salvage) out = format.salvage(image, most);
    }
    return out;
}

} // namespace kanshiki
