#include "kanshiki/checksum_list.h"

#include "acquire/block/file_descriptor.h"
#include "acquire/block/sha256.h"
#include "kanshiki/error.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>

namespace kanshiki {

std::string render_checksum_list(std::span<const ManifestFile> files) {
    std::string out;
    for (const ManifestFile& file : files) {
        if (!file.sha256) continue;
        std::string name;
        for (const char c : file.name) name += c == '\\' ? "\\\\" : c == '\n' ? "\\n" : c == '\r' ? "\\r" : std::string(1, c);
        out += (name == file.name ? "" : "\\") + to_hex(*file.sha256) + "  " + name + "\n"; // a leading backslash: the name is escaped
    }
    return out;
}

Digest sha256_of_file(const std::filesystem::path& path) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    Sha256 digest;
    std::vector<std::byte> buffer(1 << 20);
    ssize_t n = -1;
    for (uint64_t at = 0; file && (n = read_at(file.get(), at, buffer)) > 0; at += static_cast<uint64_t>(n))
        digest.update(std::span(buffer).first(static_cast<size_t>(n)));
    if (n < 0) throw Error(ExitCode::destination, path.string() + ": cannot read: " + std::strerror(errno));
    return digest.finish();
}

} // namespace kanshiki
