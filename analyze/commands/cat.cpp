#include "acquire/commands/options.h"
#include "analyze/browse/content.h"
#include "analyze/browse/output_stream.h"
#include "analyze/commands/browse_session.h"
#include "analyze/report/file_mode.h"
#include "kanshiki/command.h"
#include "kanshiki/error.h"
#include "kanshiki/escape.h"

#include <CLI/CLI.hpp>
#include <unistd.h>

namespace kanshiki {
namespace {

constexpr const char* examples = R"(Examples:
  kanshiki cat disk.img.zst:/p1/var/log/auth.log | grep Accepted
  kanshiki cat --deleted disk.img:/tmp/.x/miner | sha256sum
  kanshiki cat disk.img --volume 1 --inode 131074 > inode-131074
  kanshiki cat 'ntfs.img:/Users/ito/report.docx:Zone.Identifier'      an alternate data stream

What cannot be read is zeros in its own place; each such range is a line on standard error, and the exit status is 4.
On a terminal, control characters other than newlines and tabs are escaped (\xNN); into a pipe or file the bytes go as they are.
Exit: 0 all of it, 2 no such file, wrong options, 3 source lost, 4 parts could not be read, 5 the output cannot be written,
6 refused, 11 no file system that is known.)";

// Shows text line by line; what could steer the terminal is escaped.
class TerminalText {
public:
    explicit TerminalText(OutputStream& out) : out_(out) {}
    void write(std::string_view bytes) {
        for (const char byte : bytes) {
            if (byte == '\n' || byte == '\t' || part_.size() >= longest) flush();
            if (byte == '\n' || byte == '\t')
                out_.write({&byte, 1});
            else
                part_ += byte;
        }
    }
    void flush() {
        out_.write(escape_terminal(part_));
        part_.clear();
    }

private:
    static constexpr size_t longest = 64 * 1024;
    OutputStream& out_;
    std::string part_;
};

void check(const Place& place) {
    const ListedFile& file = place.file;
    const std::string& name = file.path;
    if (file.handle == 0 && file.path != "/")
        throw Error(ExitCode::unreadable, name + ": a deleted name that points nowhere");
    if (!has_own_content(file))
        throw Error(ExitCode::unreadable, name + ": its inode has been used again; what is there is another file's");
    if (file.info.type == FileType::symlink)
        throw Error(ExitCode::usage,
                    name + " is a symbolic link to " + file.info.symlink_target + "; links are not followed");
    if (file.info.type != FileType::regular && file.info.type != FileType::unknown)
        throw Error(ExitCode::usage, name + " is no file but a " + std::string(type_name(file.info.type)));
    if (const std::string why = too_large(*place.volume->files, file.info.size); !why.empty())
        throw Error(ExitCode::unreadable, name + ": " + why);
}

void give(BrowseSession& session, const Place& place, bool escaped, const std::stop_token& stop) {
    OutputStream out(STDOUT_FILENO);
    TerminalText terminal(out);
    const ListedFile& file = place.file;
    ContentBuffer buffer;
    const ContentResult read = read_content(
        *place.volume->files, file.handle, file.info.size, buffer,
        [&](uint64_t, std::span<const std::byte> bytes) {
            const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
            escaped ? terminal.write(text) : out.write(text);
        },
        stop);
    terminal.flush();
    out.flush();
    for (const UnreadablePiece& piece : read.unreadable)
        session.missed({file.volume, file.path, where_text(piece), why_text(piece)});
    if (!read.failure.empty())
        session.missed({file.volume, file.path, "after byte " + std::to_string(read.size), read.failure});
    session.take_notes(*place.volume, file.path);
}

} // namespace

int run_cat(const std::vector<std::string>& arguments) {
    BrowseOptions browse;
    FileChoice choice;
    bool raw = false;
    CLI::App app("The content of one file of an image, on standard output.", "cat");
    app.footer(examples);
    add_file_choice(app, choice, browse);
    app.add_flag("--raw", raw, "the bytes as they are on a terminal too");
    if (!parse_arguments(app, arguments)) return 0;

    const Target target = split_target(choice.target);
    if (const auto status = run_in_child(target.image)) return *status;
    const StopOnSignal signals;
    const auto events = open_console(ProgressStyle::none, browse.quiet);
    BrowseSession session(target.image, browse, {}, *events, signals.token());
    const Place place = session.find(target, choice);
    check(place);
    give(session, place, !raw && ::isatty(STDOUT_FILENO), signals.token());
    return session.status();
}

} // namespace kanshiki
