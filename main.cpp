// The subcommands, and how their errors become exit codes. This is the one place that knows both halves.
#include "kanshiki/command.h"
#include "kanshiki/error.h"
#include "kanshiki/escape.h"

#include <csignal>
#include <iostream>
#include <sys/stat.h>

using namespace kanshiki;

static const Command commands[] = {
    {"acquire", "image a volume, with proof",
     [](const auto& arguments) { return run_acquire(arguments, triage_image); }},
    {"verify", "check an image against what was recorded",
     [](const auto& arguments) { return run_verify(arguments, explain_ranges); }},
    {"convert", "an image into another format, proved on the way", run_convert},
    {"seal", "sign it, or have it time-stamped", run_seal},
    {"transfer", "record that it changes hands", run_transfer},
    {"log", "the custody record, to read or to print", run_log},
    {"prove", "that a file belongs to an image, without the image", run_prove},
    {"check", "such a proof", run_check},
    {"selftest", "show that this build images rightly here", run_selftest},
    {"info", "what an image or source is", run_info},
    {"ls", "the files of an image, deleted ones too", run_ls},
    {"stat", "all that the file system says of one file", run_stat},
    {"cat", "the content of one file", run_cat},
    {"extract", "files of an image into a folder, with a manifest", run_extract},
    {"timeline", "when its files were changed, read, made", run_timeline},
    {"mount", "an image as folders, read-only", run_mount},
    {"triage", "what happened on it", run_triage_command},
};

static void print_help() {
    std::cout << "kanshiki " KANSHIKI_VERSION
                 ": image a compromised volume, prove the image, and see what happened on it\n\n"
                 "  kanshiki acquire ssh://user@host/dev/nvme1n1 --sudo -o disk.img.zst\n"
                 "  kanshiki verify disk.img.zst\n"
                 "  kanshiki triage disk.img.zst -o triage\n\nCommands (each has --help with examples):\n";
    for (const Command& command : commands)
        std::cout << "  " << command.name << std::string(10 - command.name.size(), ' ') << command.summary << "\n";
    std::cout
        << "\nExit codes: 0 done; 2 usage; 3 source lost; 4 acquired, with unreadable sectors; 5 destination failed; 6 "
           "refused;\n"
           "7 a step after the evidence failed; 10 altered; 11 never valid; 70 internal error; 130 interrupted.\n";
}

static int run(const std::string& name, const std::vector<std::string>& arguments) {
    if (name == "--version") return std::cout << "kanshiki " KANSHIKI_VERSION "\n", 0;
    if (name.empty() || name == "--help" || name == "-h" || name == "help") return print_help(), name.empty() ? 2 : 0;
    for (const Command& command : commands)
        if (command.name == name) return command.run(arguments);
    throw Error(ExitCode::usage, "no command '" + name + "'; see kanshiki --help");
}

int main(int count, char** words) {
    ::umask(077);                  // what we write is evidence: for its owner alone
    std::signal(SIGXFSZ, SIG_IGN); // a file-size limit (ulimit -f) is a full destination, not a death
    try {
        return run(count > 1 ? words[1] : "", {words + std::min(count, 2), words + count});
    } catch (const Error& error) {
        std::cerr << "kanshiki: " << escape_terminal(error.what()) << "\n";
        return static_cast<int>(error.code());
    } catch (const std::exception& error) {
        std::cerr << "kanshiki: internal error: " << escape_terminal(error.what()) << "\n";
        return static_cast<int>(ExitCode::internal);
    }
}
