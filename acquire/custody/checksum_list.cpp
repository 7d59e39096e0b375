#include "kanshiki/checksum_list.h"

#include "acquire/block/sha256.h"
#include "acquire/custody/files.h"

namespace kanshiki {
namespace {

constexpr size_t digits = 2 * sizeof(Digest);

// As coreutils does: a name with a backslash, newline or carriage return is escaped, and its line starts with a
// backslash.
std::string escaped(const std::string& name) {
    std::string out;
    for (const char c : name) {
        if (c == '\\')
            out += "\\\\";
        else if (c == '\n')
            out += "\\n";
        else if (c == '\r')
            out += "\\r";
        else
            out += c;
    }
    return out;
}

std::optional<std::string> unescaped(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            out += text[i];
            continue;
        }
        if (++i == text.size()) return {};
        if (text[i] == '\\')
            out += '\\';
        else if (text[i] == 'n')
            out += '\n';
        else if (text[i] == 'r')
            out += '\r';
        else
            return {};
    }
    return out;
}

std::string render_line(const std::string& name, const Digest& sha256) {
    const std::string shown = escaped(name);
    return (shown == name ? "" : "\\") + to_hex(sha256) + "  " + shown + "\n";
}

std::optional<ManifestFile> parse_line(std::string_view text) {
    const bool escapes = text.starts_with('\\');
    if (escapes) text.remove_prefix(1);
    if (text.size() <= digits + 2) return {};
    const auto digest = digest_from_hex(text.substr(0, digits));
    const auto name = escapes ? unescaped(text.substr(digits + 2)) : std::string(text.substr(digits + 2));
    if (!digest || !name || name->find('/') != name->npos || name->find('\0') != name->npos) return {};
    return ManifestFile{"", *name, 0, *digest};
}

} // namespace

std::string render_checksum_list(std::span<const ManifestFile> files) {
    std::string out;
    for (const ManifestFile& file : files)
        if (file.sha256) out += render_line(file.name, *file.sha256);
    return out;
}

std::vector<ManifestFile> parse_checksum_list(std::string_view text, std::string_view name) {
    std::vector<ManifestFile> out;
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view line = text.substr(at, end - at);
        at = end + 1;
        auto parsed = line.size() > 4096 ? std::nullopt : parse_line(line);
        if (!parsed || render_line(parsed->name, *parsed->sha256) != std::string(line) + "\n" || end == text.size() ||
            out.size() == 1000)
            throw Error(ExitCode::never_valid, std::string(name) + ", line " + std::to_string(out.size() + 1) +
                                                   ": not a SHA-256, two spaces and a file name, or cut short");
        out.push_back(std::move(*parsed));
    }
    return out;
}

Digest sha256_of_file(const std::filesystem::path& path, ExitCode code) {
    const FileDescriptor fd = open_to_read(path, code);
    const uint64_t size = regular_size(fd.get(), path, code);
    Sha256 digest;
    std::vector<std::byte> buffer(1024 * 1024);
    for (uint64_t offset = 0;;) {
        const size_t got = read_upto(fd.get(), path, buffer, offset, code);
        digest.update(std::span(buffer).first(got));
        offset += got;
        if (got == buffer.size()) continue;
        if (offset != size) throw Error(code, path.string() + " changed its size while it was read");
        return digest.finish();
    }
}

} // namespace kanshiki
