#include "analyze/artifact/persistence/command_signs.h"

#include "analyze/format/lines.h"
#include "analyze/format/shell_command.h"

#include <algorithm>
#include <set>

namespace kanshiki {

namespace {

using format::lower;
using format::ShellLine;
using format::SimpleCommand;
using Names = std::set<std::string_view>;

constexpr int deepest = 4; // sh -c "sh -c '…'"

std::string_view base(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool is_interpreter(std::string_view program) {
    static const Names names{"sh",   "bash", "dash", "ash", "zsh",  "ksh", "mksh",
                             "fish", "perl", "ruby", "php", "node", "lua"};
    const std::string_view name = base(program);
    return names.contains(name) || name.starts_with("python");
}

bool is_shell(std::string_view program) {
    static const Names names{"sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "su"};
    return names.contains(base(program));
}

bool is_downloader(std::string_view program) {
    static const Names names{"curl",   "wget", "fetch",  "lwp-download", "GET",  "aria2c",
                             "telnet", "tftp", "ftpget", "nc",           "ncat", "netcat"};
    return names.contains(base(program));
}

bool in_temporary_folder(std::string_view path) {
    for (const std::string_view folder :
         {"/tmp/", "/var/tmp/", "/dev/shm/", "/run/shm/", "/var/run/shm/", "/run/lock/", "/var/lock/"})
        if (path.starts_with(folder)) return true;
    return false;
}

// A component that begins with a dot, except . and .. and what tools keep in people's homes by habit.
bool in_hidden_folder(std::string_view path, bool& at_home) {
    static const Names usual{".local",        ".config",  ".cache",  ".nvm",    ".npm",      ".cargo",
                             ".rustup",       ".rbenv",   ".pyenv",  ".asdf",   ".acme.sh",  ".deno",
                             ".bun",          ".venv",    ".sdkman", ".dotnet", ".bashrc",   ".bash_aliases",
                             ".bash_profile", ".profile", ".zshrc",  ".zshenv", ".composer", ".ssh"};
    at_home =
        path.starts_with("/home/") || path.starts_with("/root/") || path.starts_with("~") || path.starts_with("$HOME");
    for (size_t slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1)) {
        const std::string_view part = path.substr(slash + 1, path.find('/', slash + 1) - slash - 1);
        if (part.size() < 2 || part[0] != '.' || part == ".." || (at_home && usual.contains(part))) continue;
        return true;
    }
    return false;
}

class Signs {
public:
    void add(std::string_view id, Severity severity, std::string words, std::string_view attack = {}) {
        for (const Sign& sign : found_)
            if (sign.id == id) return;
        found_.push_back({id, severity, std::move(words), attack});
    }
    std::vector<Sign> take() {
        std::stable_sort(found_.begin(), found_.end(),
                         [](const Sign& a, const Sign& b) { return a.severity > b.severity; });
        return std::move(found_);
    }

private:
    std::vector<Sign> found_;
};

void judge_path(std::string_view path, Signs& signs) {
    const std::string shown(path.substr(0, 200));
    bool at_home = false;
    if (in_temporary_folder(path))
        signs.add("temp-path", Severity::high, "runs " + shown + " from a folder that everyone can write to");
    if (in_hidden_folder(path, at_home))
        signs.add("hidden-path", at_home ? Severity::medium : Severity::high,
                  "runs " + shown + " from a hidden folder or file", "T1564.001");
}

bool is_redirection(std::string_view word) {
    const size_t sign = word.find_first_not_of("0123456789&");
    return sign != word.npos && (word[sign] == '<' || word[sign] == '>');
}

// What an interpreter is given to run: `sh -x /tmp/a`, `python3 b`, `. c`; nothing when it reads its standard input.
std::string_view script_of(const SimpleCommand& command, size_t program) {
    const std::string_view name = base(command.words[program]);
    if (!is_interpreter(name) && name != "." && name != "source") return {};
    for (size_t i = program + 1; i < command.words.size(); ++i) {
        const std::string_view word = command.words[i];
        if (word == "-c" || word == "-e" || word == "-s" || word == "-") return {};
        if (is_redirection(word)) {
            if (word.ends_with('>') || word.ends_with('<')) ++i; // its file is the next word
        } else if (!word.starts_with('-')) {
            return word;
        }
    }
    return {};
}

bool has_word(const SimpleCommand& command, std::initializer_list<std::string_view> wanted) {
    return std::any_of(command.words.begin(), command.words.end(), [&](const std::string& word) {
        return std::find(wanted.begin(), wanted.end(), word) != wanted.end();
    });
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

void judge_program(const SimpleCommand& command, size_t index, Signs& signs) {
    const std::string& program = command.words[index];
    const std::string_view name = base(program);
    static const Names miners{"xmrig",      "minerd",  "cpuminer", "xmr-stak", "kinsing",
                              "kdevtmpfsi", "nbminer", "t-rex",    "lolMiner"};
    if (miners.contains(name))
        signs.add("miner", Severity::high, "runs " + std::string(name) + ", a miner of crypto-currency", "T1496");
    if ((name == "nc" || name == "ncat" || name == "netcat" || name.starts_with("nc.")) &&
        has_word(command, {"-e", "-c", "--exec", "--sh-exec", "-le", "-lvpe", "-lpe"}))
        signs.add("reverse-shell", Severity::critical,
                  "gives a shell to the network (" + std::string(name) + " with a program to run)", "T1059.004");
    if (name == "chattr" && has_word(command, {"+i", "+a", "+ia", "+ai"}))
        signs.add("immutable", Severity::medium, "makes a file unchangeable (chattr)", "T1222.002");
    const bool decodes =
        ((name == "base64" || name == "base32") && has_word(command, {"-d", "-D", "--decode", "-di", "-id"})) ||
        (name == "xxd" && has_word(command, {"-r", "-rp"})) ||
        (name == "openssl" && has_word(command, {"-d"}) && has_word(command, {"base64", "enc"}));
    if (decodes) signs.add("decodes", Severity::medium, "decodes hidden text (" + std::string(name) + ")", "T1140");
}

// A downloader or decoder whose output becomes a program's code.
void judge_flow(const ShellLine& line, const std::vector<size_t>& programs, Signs& signs) {
    const auto program = [&](size_t i) -> std::string_view {
        return programs[i] < line.commands[i].words.size() ? std::string_view(line.commands[i].words[programs[i]])
                                                           : std::string_view();
    };
    const auto say = [&](std::string_view from) {
        if (is_downloader(from))
            signs.add("download-run", Severity::critical,
                      "downloads with " + std::string(base(from)) + " and runs what it gets", "T1105");
        else if (base(from).starts_with("base") || base(from) == "xxd" || base(from) == "openssl")
            signs.add("decode-run", Severity::high, "runs decoded text (" + std::string(base(from)) + ")", "T1140");
    };
    using Link = SimpleCommand::Link;
    for (size_t i = 0; i < line.commands.size(); ++i) {
        size_t head = i; // of the pipeline; parents come before their children
        while (line.commands[head].link == Link::pipe) head = line.commands[head].parent;
        if (head != i && is_interpreter(program(i)) && script_of(line.commands[i], programs[i]).empty())
            for (size_t before = i; before != head;) say(program(before = line.commands[before].parent));
        if (line.commands[head].link != Link::substitution) continue;
        const std::string_view outer = program(line.commands[head].parent);
        if (outer.empty() || is_interpreter(outer) || outer == "eval" || outer == "." || outer == "source")
            say(program(i));
    }
}

void judge_text(std::string_view text, Signs& signs) {
    if (contains(text, "/dev/tcp/") || contains(text, "/dev/udp/"))
        signs.add("reverse-shell", Severity::critical, "opens a network connection from the shell (/dev/tcp)",
                  "T1059.004");
    const bool runs_code = contains(text, " -c") || contains(text, " -e") || contains(text, " -r");
    const bool language =
        contains(text, "python") || contains(text, "perl") || contains(text, "ruby") || contains(text, "php");
    if (language && runs_code &&
        (contains(text, "socket") || contains(text, "fsockopen") || contains(text, "pty.spawn")))
        signs.add("reverse-shell", Severity::critical, "opens a network connection from code on its command line",
                  "T1059");
    if (contains(text, "socat") && (contains(lower(text), "exec:") || contains(lower(text), "system:")))
        signs.add("reverse-shell", Severity::critical, "gives a program to the network (socat)", "T1059.004");
    if (contains(text, "mkfifo") &&
        (contains(text, "nc ") || contains(text, "telnet ") || contains(text, "openssl s_client")))
        signs.add("reverse-shell", Severity::critical, "joins a shell to the network through a named pipe",
                  "T1059.004");
    if (contains(text, "stratum+tcp") || contains(text, "stratum+ssl") || contains(text, "stratum1+"))
        signs.add("miner", Severity::high, "talks to a mining pool (stratum)", "T1496");
    if (contains(text, "LD_PRELOAD="))
        signs.add("ld-preload", Severity::high, "loads a library into programs (LD_PRELOAD)", "T1574.006");
    const bool writes = contains(text, ">>") || contains(text, "tee ");
    if (writes && contains(text, "authorized_keys"))
        signs.add("adds-key", Severity::high, "writes to authorized_keys", "T1098.004");
    if (writes && (contains(text, "/etc/passwd") || contains(text, "/etc/shadow")))
        signs.add("adds-account", Severity::high, "writes to the account files", "T1136.001");
    if (contains(text, "HISTFILE=/dev/null") || contains(text, "unset HISTFILE"))
        signs.add("no-history", Severity::medium, "turns the shell's history off", "T1070.003");
}

void walk(std::string_view text, int depth, Signs* signs, std::vector<std::string>* names) {
    const ShellLine line = format::parse_shell_line(text);
    std::vector<size_t> programs;
    bool in_temporary = false; // after `cd /tmp`, ./x is /tmp/x
    for (const SimpleCommand& command : line.commands) {
        programs.push_back(program_index(command));
        const size_t index = programs.back();
        if (index >= command.words.size()) continue;
        const std::string& program = command.words[index];
        if (program == "cd" && index + 1 < command.words.size()) {
            in_temporary = in_temporary_folder(command.words[index + 1] + "/");
            continue;
        }
        const std::string_view script = script_of(command, index);
        for (const std::string_view path : {std::string_view(program), script}) {
            if (signs != nullptr) judge_path(path, *signs);
            if (signs != nullptr && in_temporary && path.starts_with("./"))
                signs->add("temp-path", Severity::high,
                           "runs " + std::string(path.substr(0, 200)) + " from a folder that everyone can write to");
            if (names != nullptr && path.starts_with('/')) names->emplace_back(path);
        }
        if (signs != nullptr) judge_program(command, index, *signs);
        if (!is_shell(program) || depth == 0) continue;
        for (size_t i = index + 1; i + 1 < command.words.size(); ++i)
            if (command.words[i].starts_with('-') && !command.words[i].starts_with("--") &&
                command.words[i].ends_with('c'))
                walk(command.words[i + 1], depth - 1, signs, names);
    }
    if (signs != nullptr && !line.complete)
        signs->add("too-long", Severity::medium, "is too long to be followed to its end: read it by eye");
    if (signs != nullptr) judge_flow(line, programs, *signs);
}

} // namespace

std::vector<Sign> signs_of(std::string_view command) {
    Signs signs;
    walk(command, deepest, &signs, nullptr);
    judge_text(command.substr(0, 64 << 10), signs);
    return signs.take();
}

std::vector<std::string> programs_of(std::string_view command) {
    std::vector<std::string> names;
    walk(command, deepest, nullptr, &names);
    return names;
}

std::vector<Sign> signs_of_path(std::string_view path) {
    Signs signs;
    judge_path(path, signs);
    return signs.take();
}

} // namespace kanshiki
