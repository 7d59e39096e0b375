#include "analyze/artifact/entry/log_stream.h"

#include "analyze/artifact/fact.h"
#include "analyze/format/gunzip.h"
#include "kanshiki/error.h"

namespace kanshiki {

namespace {

constexpr uint64_t plain_limit = 4ULL << 30, inflated_limit = 1ULL << 30;
constexpr size_t piece_size = 256 << 10;

} // namespace

std::optional<LogName> log_name(std::string_view path) {
    const std::string_view folder = folder_of(path);
    if (folder != "/var/log/" && folder != "/log/" && folder != "/") return std::nullopt;
    std::string_view base = base_name(path);
    LogName name;
    for (const std::string_view suffix : {".gz", ".xz", ".bz2", ".zst", ".lzma"})
        if (base.ends_with(suffix)) {
            (suffix == ".gz" ? name.gzip : name.other_compression) = true;
            base.remove_suffix(suffix.size());
            break;
        }
    if (base.ends_with(".old")) base.remove_suffix(4);
    for (const std::string_view stem : {"auth.log", "secure", "wtmp", "btmp"})
        if (base.starts_with(stem) && base.find_first_not_of("0123456789.-", stem.size()) == base.npos) {
            name.stem = stem;
            return name;
        }
    return std::nullopt;
}

void stream_log(const FileView& file, const LogName& name, const std::function<void(std::string_view)>& piece) {
    if (name.other_compression)
        return file.not_covered("whole file", "compressed with something other than gzip: not read");
    std::vector<std::byte> buffer(piece_size);
    uint64_t offset = 0;
    bool damaged = false;
    const auto next = [&]() -> std::string_view {
        if (offset >= plain_limit || damaged) return {};
        size_t got = 0;
        try {
            got = file.read(offset, buffer);
        } catch (const Error& error) {
            file.not_covered("from byte " + std::to_string(offset), error.what());
            damaged = true;
        }
        offset += got;
        return {reinterpret_cast<const char*>(buffer.data()), got};
    };
    if (name.gzip) {
        const auto done = format::gunzip(next, inflated_limit, piece);
        if (!done.complete && !damaged)
            file.not_covered("after " + std::to_string(done.size) + " inflated bytes", done.why);
    } else {
        for (std::string_view bytes = next(); !bytes.empty(); bytes = next()) piece(bytes);
    }
    if (offset >= plain_limit)
        file.not_covered("from byte " + std::to_string(offset), "the log is longer than 4 GiB: the rest is not read");
}

} // namespace kanshiki
