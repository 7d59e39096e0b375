#include "acquire/commands/options.h"
#include "analyze/commands/browse_session.h"
#include "analyze/mount/background.h"
#include "analyze/mount/fuse_mount.h"
#include "kanshiki/command.h"
#include "kanshiki/error.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <unistd.h>

namespace kanshiki {
namespace {

constexpr const char* examples = R"(Examples:
  kanshiki mount disk.img.zst mnt                         mnt/p1/etc/passwd ...; fusermount3 -u mnt ends it
  kanshiki mount disk.img mnt --foreground --deleted      until Ctrl-C; warnings are shown
  kanshiki mount ssh://user@host/dev/nvme1n1 mnt --sudo --volume 1

Read-only, nodev, nosuid, noexec; the kernel parses nothing of the image. Each volume is a folder, p1, p2 ...; a source without a partition
table is its file system's root. Owners and modes are shown, not obeyed: only who mounted it may look. What cannot be read is an
input/output error, never zeros. Symbolic links are as stored: an absolute one points out of the image into THIS machine; with
--no-symlinks they are files that hold their target. An alternate data stream is opened as NAME:STREAM.
Exit: 0 mounted (with --foreground: unmounted again), 2 wrong options, 3 source lost, 6 refused, 11 no file system that is known.)";

struct MountCommand {
    BrowseOptions browse;
    MountOptions tree;
    std::string image, folder;
    bool foreground = false, allow_other = false;
};

// The child's part: mounted before the jail shuts, answering after. Who is behind `ready` is told in between.
int serve(const MountCommand& command, const Readiness& ready) {
    const StopOnSignal signals;
    const auto events = open_console(ProgressStyle::none, command.browse.quiet);
    const std::stop_callback end(signals.token(), [] { ::_exit(0); }); // nothing is written: nothing is left undone
    std::optional<FuseMount> mount;
    const auto prepare = [&] { mount.emplace(command.folder, command.allow_other); };
    BrowseSession session(command.image, command.browse, {}, *events, signals.token(), prepare);
    for (const NotCovered& each : session.image().not_covered()) session.notice(each.where + ": " + each.why);
    const auto complain = [&](const std::string& what) { events->report({"notice", what}); };
    MountedTree tree(session.image(), command.tree, complain, {});
    ready.tell();
    mount->serve(tree, std::max(4u, default_threads()));
    return 0;
}

} // namespace

int run_mount(const std::vector<std::string>& arguments) {
    MountCommand command;
    CLI::App app("An image's volumes as folders, read-only, for any tool.", "mount");
    app.footer(examples);
    app.add_option("IMAGE", command.image, "image, block device, file, or ssh://[user@]host[:port]/dev/...")
        ->required();
    app.add_option("DIR", command.folder, "an existing folder to mount on")->required();
    app.add_flag("-f,--foreground", command.foreground, "stay, and show what is odd or cannot be read");
    app.add_flag("--deleted", command.tree.deleted, "deleted files too, as NAME%~deleted-INODE, and %~orphans");
    app.add_flag("--no-symlinks", command.tree.no_symlinks, "symbolic links as files that hold their target");
    app.add_flag("--allow-other", command.allow_other, "other users may look, as the image's modes allow");
    app.add_flag("-q,--quiet", command.browse.quiet, "no notices");
    add_volume_option(app, command.browse);
    if (!parse_arguments(app, arguments)) return 0;
    if (!std::filesystem::is_directory(command.folder))
        throw Error(ExitCode::usage, command.folder + " is no folder to mount on");
    command.folder = std::filesystem::canonical(command.folder);
    command.image =
        command.image.starts_with("ssh://") ? command.image : std::filesystem::absolute(command.image).string();

    Readiness ready;
    if (!command.foreground) // the terminal gets its prompt back when the mount can be used, or the reason why not
        if (const auto status = ready.wait_in_parent()) return *status;
    if (const auto status = run_in_child(command.image, [&] { ready.leave_streams(); })) {
        unmount(command.folder);
        return *status;
    }
    return serve(command, ready);
}

} // namespace kanshiki
