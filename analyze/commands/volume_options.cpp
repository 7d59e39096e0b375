#include "analyze/commands/volume_options.h"

#include "acquire/block/file_descriptor.h"
#include "analyze/volume/luks/unlock.h"
#include "kanshiki/error.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

namespace kanshiki {
namespace {

constexpr size_t largest_key = 8 * 1024 * 1024; // cryptsetup's own limit

// Every byte counts, as for cryptsetup --key-file; a pipe will do.
std::string read_key(const std::string& path) {
    const auto fail = [&](const std::string& why) { return Error(ExitCode::usage, "--key-file " + path + ": " + why); };
    FileDescriptor opened;
    if (path != "-") {
        opened = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (opened.get() < 0) throw fail(std::strerror(errno));
    }
    const int fd = path == "-" ? STDIN_FILENO : opened.get();
    std::string key;
    while (true) {
        char piece[4096];
        const ssize_t got = ::read(fd, piece, sizeof piece);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw fail(std::strerror(errno));
        if (got == 0) break;
        key.append(piece, static_cast<size_t>(got));
        if (key.size() > largest_key) throw fail("longer than 8 MiB: no key");
    }
    if (key.empty()) throw fail("is empty");
    return key;
}

} // namespace

void add_volume_options(CLI::App& app, VolumeOptions& options) {
    app.add_option_function<std::vector<std::string>>(
           "--key-file",
           [&options](const std::vector<std::string>& paths) {
               luks::prepare_unlocking();
               for (const std::string& path : paths) options.keys.push_back(read_key(path));
           },
           "key or passphrase of an encrypted volume, every byte of the file counts; - is standard input; may be "
           "given several times")
        ->type_name("FILE")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->group("Volumes");
}

} // namespace kanshiki
